"""`reverser demo`: an embedded API server, a bare repository, the real daemon, and a small story.

Nothing is pretended but the cluster: the daemon reads it through a kubeconfig, is asked about each write
as an admission webhook, journals, commits and pushes as it does anywhere. What is shown is read back from
the repository with `git`.
"""

from __future__ import annotations

import shutil
import socket
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import trio
from rich.console import Console

from reverser.app.daemon import Daemon
from reverser.app.demo_screen import DemoRepository, Screen
from reverser.app.demo_story import STORY, Step, before
from reverser.certs.self_managed import FOLDER, SelfManaged
from reverser.config import Cluster, Config, Operations, Webhook
from reverser.errors import StalledError
from reverser.kube.client import Client
from reverser.kube.credentials import load
from reverser.model.destination import Destination
from reverser.model.rule import Rule
from reverser.sandbox import Sandbox
from reverser.webhook.address import by_url
from reverser.webhook.install import install
from reverser.webhook.registration import registration

COMMIT_SECONDS = 60.0
"""How long a commit may take to arrive, before the demo gives up."""


async def demo(*, keep: bool, paced: bool) -> None:
    """Play the story in a folder of its own, which goes at the end; with `keep`, go on until Ctrl-C."""
    screen = Screen(Console(highlight=False), paced=paced)
    folder = Path(tempfile.mkdtemp(prefix="reverser-demo-"))
    try:
        await play(folder, screen, keep=keep)
    except* SystemExit:
        pass  # Nobody reads any more (`reverser demo | head`): rich ends the process so.
    finally:
        if keep:
            screen.line(f"The folder stays: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


async def play(folder: Path, screen: Screen, *, keep: bool) -> None:
    """The story, and with `keep` what people do after it. Ctrl-C ends the daemon, which ends this."""
    remote = DemoRepository(folder / "live.git")
    await trio.run_process(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(remote.path)])
    async with Sandbox.open() as sandbox, trio.open_nursery() as nursery:
        config = _config(folder, sandbox, remote.path)
        daemon = Daemon(config, lambda: config)
        await before(sandbox)
        await register(config)
        url = await nursery.start(_run, daemon, nursery.cancel_scope)
        await _introduce(screen, sandbox, remote, url)
        for step in STORY:
            await _play(step, sandbox, screen, remote)
        _farewell(screen, folder, remote, keep=keep)
        while keep:
            await screen.commits(remote, await remote.next(1))
        daemon.stop()


async def _run(
    daemon: Daemon, scope: trio.CancelScope, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
) -> None:
    await daemon.run(task_status=task_status)
    scope.cancel()


def _config(folder: Path, sandbox: Sandbox, remote: Path) -> Config:
    return Config(
        data_dir=str(folder / "data"),
        operations=Operations(bind="127.0.0.1:0"),
        webhook=Webhook(bind=f"127.0.0.1:{free_port()}"),
        clusters=(Cluster(kubeconfig=str(sandbox.kubeconfig(folder / "kubeconfig"))),),
        destinations=(Destination(name="live", url=remote.as_uri()),),
        # Its certificate would be the longest part of the first commit.
        rules=(Rule("everything", "live", exclude_resources=("validatingwebhookconfigurations",)),),
    )


def free_port() -> int:
    """Of the webhook's listener: the registration must name it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


async def register(config: Config) -> None:
    """What `reverser webhook install` does: let the first cluster's API server call the webhook listener."""
    assert config.webhook is not None
    own = SelfManaged(Path(config.data_dir) / FOLDER, config.webhook.tls.names)
    own.renew(datetime.now(UTC))
    document = registration(config.rules, by_url(f"https://{config.webhook.bind}"), own.ca_bundle())
    async with Client.open(await load(config.clusters[0].kubeconfig, "")) as client:
        await install(client, document)


async def _introduce(screen: Screen, sandbox: Sandbox, remote: DemoRepository, url: str) -> None:
    screen.line("A small Kubernetes cluster, a Git repository, and reverser between them.", "bold")
    screen.line("The cluster's API server tells reverser of each write, by an admission webhook.")
    if screen.paced:
        screen.line("It takes about a minute. Ctrl-C ends it; with --fast it does not wait for readers.")
    screen.line()
    screen.line(f"cluster     {sandbox.url}")
    screen.line(f"repository  {remote.path}")
    screen.line(f"reverser    {url}/readyz  {url}/metrics")
    screen.line()
    await _step(screen, "reverser starts. Its first commit is a snapshot: what is there, as files.")
    [commit] = await _next(remote, 1)
    await screen.snapshot(remote, commit, "shop/deployments.apps/web.yaml")
    await screen.pause()


async def _play(step: Step, sandbox: Sandbox, screen: Screen, remote: DemoRepository) -> None:
    await _step(screen, step.sentence, step.prompt)
    await step.act(sandbox)
    if step.commits:
        await screen.commits(remote, await _next(remote, step.commits))
    if step.remark:
        screen.lines(step.remark, "italic")
    await screen.pause()


async def _step(screen: Screen, sentence: str, prompt: str = "") -> None:
    screen.line(f"→ {sentence}", "bold cyan")
    if prompt:
        screen.line(f"  {prompt}", "cyan")
    screen.line()
    await screen.pause()


async def _next(remote: DemoRepository, count: int) -> list[str]:
    with trio.move_on_after(COMMIT_SECONDS):
        return await remote.next(count)
    raise StalledError("NoCommit", f"no commit arrived within {COMMIT_SECONDS:.0f} seconds")


def _farewell(screen: Screen, folder: Path, remote: DemoRepository, *, keep: bool) -> None:
    screen.line("That was the story. Each commit says who, what changed, and how that is known.", "bold")
    screen.line(
        "The pipeline, Alice, Bob and the namespace controller are named; one change is honestly unknown."
    )
    if not keep:
        screen.line("Change things yourself, as alice or bob, and watch the commits:   reverser demo --keep")
        screen.line("Look at your own cluster:   reverser init, then check, then run   (README.md)")
        screen.line("How sure is a name?   docs/attribution.md")
        return
    screen.line("Now it is your turn. Each commit is printed here as it lands; in another terminal:")
    screen.line()
    screen.line(f"export KUBECONFIG={folder}/kubeconfig")
    screen.line("kubectl --context alice -n shop create deployment hello --image=nginx")
    screen.line("kubectl --context bob -n shop scale deployment hello --replicas=3")
    screen.line(f"git -C {remote.path} log --stat")
    screen.line()
    screen.line("Ctrl-C ends it.")
    screen.line()
