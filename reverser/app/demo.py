"""`reverser demo`: an embedded API server, a bare repository, the real daemon, and a small story.

Nothing is pretended but the cluster: the daemon reads it through a kubeconfig, journals, commits
and pushes as it does anywhere. What is shown is read back from the repository with `git`.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import trio
from rich.console import Console

from reverser.app.daemon import Daemon
from reverser.app.story import STORY, before
from reverser.config import Cluster, Config, Operations
from reverser.model.destination import Destination
from reverser.model.rule import Rule
from reverser.sandbox import Sandbox

SHOW_SECONDS = 20.0
POLL_SECONDS = 0.05


async def demo(keep: bool) -> None:
    """Play the story; with `keep`, go on until Ctrl-C."""
    console = Console(highlight=False)
    folder = Path(tempfile.mkdtemp(prefix="reverser-demo-"))
    remote = folder / "live.git"
    await _git("init", "--quiet", "--bare", "--initial-branch=main", str(remote))
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(Sandbox.open())
        await before(sandbox)
        daemon, url = await stack.enter_async_context(_running(folder, sandbox, remote))
        console.print(f"[bold]reverser[/] watches {sandbox.url} and writes to {remote}", soft_wrap=True)
        console.print(f"probes and metrics while it runs: {url}/readyz  {url}/metrics\n", soft_wrap=True)
        shown = await _show_new(console, remote, "", 1)
        for sentence, act, commits in STORY:
            console.print(f"[bold cyan]→ {sentence}[/]\n", soft_wrap=True)
            await act(sandbox)
            shown = await _show_new(console, remote, shown, commits)
        _farewell(console, folder, remote, keep)
        if not keep:
            daemon.stop()


@asynccontextmanager
async def _running(folder: Path, sandbox: Sandbox, remote: Path) -> AsyncIterator[tuple[Daemon, str]]:
    kubeconfig = folder / "kubeconfig"
    sandbox.kubeconfig(kubeconfig)
    config = Config(
        data_dir=str(folder / "data"),
        operations=Operations(bind="127.0.0.1:0"),
        clusters=(Cluster(kubeconfig=str(kubeconfig)),),
        destinations=(Destination(name="live", url=remote.as_uri()),),
        rules=(Rule(name="everything", destination="live"),),
    )
    daemon = Daemon(config, lambda: config)
    async with trio.open_nursery() as nursery:
        url = await nursery.start(daemon.run)
        yield daemon, url


async def _show_new(console: Console, remote: Path, shown: str, count: int) -> str:
    """Wait for `count` commits after `shown`, print them, and return the newest."""
    with trio.fail_after(SHOW_SECONDS):
        while len(commits := await _commits(remote, shown)) < count:
            await trio.sleep(POLL_SECONDS)
    for commit in commits:
        text = await _git("-C", str(remote), "show", "--format=commit %h%nAuthor: %an <%ae>%n%n%B", commit)
        for line in text.rstrip().replace("\n\n\n", "\n\n").splitlines():
            console.print(line, style=_style(line), markup=False, soft_wrap=True)
        console.print()
    return commits[-1]


async def _commits(remote: Path, after: str) -> list[str]:
    beyond = [f"^{after}"] if after else []
    return (await _git("-C", str(remote), "rev-list", "--reverse", "--branches", *beyond)).split()


async def _git(*arguments: str) -> str:
    done = await trio.run_process(["git", *arguments], capture_stdout=True, stderr=subprocess.DEVNULL)
    return done.stdout.decode()


def _style(line: str) -> str:
    """The colour of one line of `git show`."""
    if line.startswith(("diff ", "index ", "--- ", "+++ ", "new file", "deleted file")):
        return "dim"
    colours = {"+": "green", "-": "red", "@": "cyan", "[": "bold"}
    return "yellow" if line.startswith("commit ") else colours.get(line[:1], "")


def _farewell(console: Console, folder: Path, remote: Path, keep: bool) -> None:
    console.print("[bold]That was the story.[/] Look around:")
    console.print(f"  git -C {remote} log --stat", soft_wrap=True)
    if keep:
        console.print(
            f"  kubectl --kubeconfig {folder}/kubeconfig -n shop scale deployment web --replicas=3",
            soft_wrap=True,
        )
        console.print("Ctrl-C ends it.")
