"""Daemons of several clusters that write to one bare repository, one whole pass at a time."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import trio

from reverser.app.daemon import Daemon
from reverser.app.snapshot import snapshot
from reverser.config import Cluster, Config, Operations
from reverser.errors import StalledError
from reverser.model.destination import Destination
from reverser.model.rule import Rule
from reverser.plugins import Host
from reverser.sandbox import Sandbox
from tests.e2e.remote import Remote, git

BOUND_SECONDS = 60.0
POLL_SECONDS = 0.02


def config_map(name: str, value: str, namespace: str = "shop") -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"k": value}}


class Side:
    """One API server and the daemon that follows it."""

    def __init__(self, name: str, folder: Path, sandbox: Sandbox, remote: Remote) -> None:
        self.sandbox = sandbox
        self.remote = remote
        self.data = folder / f"{name}-data"
        self.kubeconfig = sandbox.kubeconfig(folder / f"{name}.kubeconfig")
        self.cluster = "default"
        self.destinations: list[dict[str, Any]] = [{"name": "live"}]
        self.rule: dict[str, Any] = {"resources": ("configmaps",), "namespaces": ("shop",)}

    @property
    def config(self) -> Config:
        """Every destination gets what the rule selects, or what `namespaces` beside it says instead."""
        destinations = [{"url": self.remote.url, **each} for each in self.destinations]
        rules = [
            Rule(
                name=f"to-{each['name']}", cluster=self.cluster, destination=each["name"], **self.rule | more
            )
            for each in destinations
            for more in [{"namespaces": each.pop("namespaces")} if "namespaces" in each else {}]
        ]
        return Config(
            data_dir=str(self.data),
            grace_seconds=5.0,
            operations=Operations(bind="127.0.0.1:0"),
            clusters=(Cluster(name=self.cluster, kubeconfig=str(self.kubeconfig)),),
            destinations=tuple(Destination(**each) for each in destinations),
            rules=tuple(rules),
        )

    async def put(self, **values: str) -> None:
        """Make or change ConfigMaps: name=value."""
        for name, value in values.items():
            await self.sandbox.apply(config_map(name, value))

    async def delete(self, name: str) -> None:
        await self.sandbox.delete("v1", "ConfigMap", name, "shop")

    async def passed(self) -> str:
        """Write everything, like a daemon that is started and stopped; the reason why not, or ""."""
        with trio.fail_after(BOUND_SECONDS):
            try:
                withheld = await snapshot(self.config, Host())
            except StalledError as error:
                self.told = error.message
                return error.reason
        return ",".join(sorted({each.reason for each in withheld}))

    def lose_data(self) -> None:
        """The volume is gone."""
        shutil.rmtree(self.data)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Daemon]:
        """The daemon, stopped at the end as by SIGTERM."""
        daemon = Daemon(self.config, lambda: self.config)
        with trio.fail_after(BOUND_SECONDS):
            async with trio.open_nursery() as nursery:
                await nursery.start(daemon.run)
                yield daemon
                daemon.stop()


async def until(condition: Any) -> None:
    """Poll until it is so."""
    with trio.fail_after(BOUND_SECONDS):
        while not condition():
            await trio.sleep(POLL_SECONDS)


def value(remote: Remote, path: str, commit: str = "main") -> str:
    """What the ConfigMap in a file says; "" without the file."""
    if path not in remote.paths(commit):
        return ""
    return next(
        line.partition(": ")[2].strip('"')
        for line in remote.show(path, commit).splitlines()
        if "  k: " in line
    )


def values(remote: Remote) -> dict[str, str]:
    """path -> what it says, of all ConfigMaps in the branch."""
    if not (head := remote.head()):
        return {}
    return {path: value(remote, path, head) for path in remote.paths(head) if path.endswith(".yaml")}


def wind_back(remote: Remote, commit: str) -> None:
    """Somebody pushes an older commit by force."""
    git("-C", remote.path, "update-ref", "refs/heads/main", commit)


def person(remote: Remote, folder: Path, message: str, **files: str | None) -> None:
    """A person's commit: path=text, None to remove; on top of what is there."""
    clone = folder / f"person-{sum(1 for _ in folder.iterdir())}"
    git("clone", "--quiet", remote.path, clone)
    for path, text in _paths(files):
        target = clone / path
        if text is None:
            target.unlink()
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
    git("add", "--all", cwd=clone)
    git("commit", "--quiet", "-m", message, cwd=clone)
    git("push", "--quiet", "origin", "HEAD:main", cwd=clone)


def _paths(files: dict[str, str | None]) -> Iterator[tuple[str, str | None]]:
    yield from files.items()
