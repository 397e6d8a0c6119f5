"""The daemon in this process, between the sandbox API and a bare repository."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import trio

from reverser.app.daemon import Daemon
from reverser.config import Cluster, Config, Operations
from reverser.model.destination import Destination
from reverser.model.rule import Rule
from reverser.sandbox import Sandbox

BOUND_SECONDS = 60


class Running:
    """What a test sees of a daemon: its cluster, its remote, its data directory."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.remote = folder / "live.git"
        self.data = folder / "data"
        self.url = ""
        """Of the operations listener, once a daemon runs."""
        kubeconfig = folder / "kubeconfig"
        sandbox.kubeconfig(kubeconfig)
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(self.remote)], check=True)
        self.config = Config(
            data_dir=str(self.data),
            operations=Operations(bind="127.0.0.1:0"),
            clusters=(Cluster(kubeconfig=str(kubeconfig)),),
            destinations=(Destination(name="live", url=self.remote.as_uri()),),
            rules=(Rule(name="everything", destination="live"),),
        )

    @property
    def journal(self) -> Path:
        return self.data / "journal.sqlite"

    @asynccontextmanager
    async def daemon(self) -> AsyncIterator[Daemon]:
        """One process's life; drained at the end."""
        daemon = Daemon(self.config, lambda: self.config)
        async with trio.open_nursery() as nursery:
            self.url = await nursery.start(daemon.run)
            yield daemon
            daemon.stop()

    def change(self, **tables: object) -> None:
        """The configuration has other tables, once it is read again."""
        self.config = msgspec.structs.replace(self.config, **tables)

    async def apply(self, name: str, value: str, namespace: str = "shop") -> None:
        """Write a ConfigMap."""
        metadata = {"name": name, "namespace": namespace}
        obj: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
        await self.sandbox.apply({**obj, "data": {"value": value}})

    def file(self, name: str, namespace: str = "shop") -> str:
        """The file of a ConfigMap in the remote branch, "" for none."""
        return self.show(f"{namespace}/configmaps/{name}.yaml")

    def head(self) -> str:
        """The commit of the remote branch, "" for none."""
        command = ["git", "-C", str(self.remote), "rev-parse", "-q", "--verify", "main"]
        return subprocess.run(command, capture_output=True, check=False).stdout.decode().strip()

    def show(self, path: str) -> str:
        """A file of the remote branch, "" for none."""
        command = ["git", "-C", str(self.remote), "show", f"main:{path}"]
        done = subprocess.run(command, capture_output=True, check=False)
        return done.stdout.decode() if done.returncode == 0 else ""

    def push(self, path: str, content: str) -> None:
        """Commit a file as a person does."""
        clone = self.remote.with_name("clone")
        person = ["-c", "user.name=Pat", "-c", "user.email=pat@example.com"]
        run = partial(subprocess.run, check=True, capture_output=True)
        run(["git", "clone", "-q", str(self.remote), str(clone)])
        (clone / path).parent.mkdir(parents=True, exist_ok=True)
        (clone / path).write_text(content)
        run(["git", "-C", str(clone), "add", path])
        run(["git", "-C", str(clone), *person, "commit", "-qm", "By hand"])
        run(["git", "-C", str(clone), "push", "-q", "origin", "HEAD:main"])

    async def until(self, condition: Callable[[], object], what: str = "") -> None:
        """Wait until something holds, at most for a bounded time."""
        with trio.move_on_after(BOUND_SECONDS):
            while not condition():
                await trio.sleep(0.05)
        assert condition(), what


async def taken_over(daemon: Daemon) -> None:
    """The daemon reads its configuration again; it is in force when this returns."""
    with trio.fail_after(BOUND_SECONDS):
        in_force = daemon.reload()
        assert in_force is not None
        await in_force.wait()


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Running]:
    """A cluster with a namespace, and a remote."""
    async with Sandbox.open() as sandbox:
        await sandbox.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
        yield Running(folder, sandbox)
