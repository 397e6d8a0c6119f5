"""What tests of observing share: one stream or a whole cluster that is watched, and what each has told."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from reverser.errors import ReverserError
from reverser.kube.client import Client
from reverser.kube.credentials import load
from reverser.kube.discovery_trigger import DiscoveryTrigger
from reverser.kube.lists import Lists
from reverser.kube.observer import Observer
from reverser.kube.watch import Watch
from reverser.model.change import (
    Change,
    Identified,
    ListCompleted,
    ListStarted,
    Observation,
    Progress,
    StartedOver,
    Stream,
)
from reverser.model.resource import ResourceType
from tests.integration.scripted import Answer, Scripted

CONFIG_MAPS = ResourceType("", "v1", "configmaps", "ConfigMap", namespaced=True, verbs=("list", "watch"))
PATH = "/api/v1/configmaps"
STREAM = Stream("default", CONFIG_MAPS)
BOUND_SECONDS = 15


class Told:
    """Implements `kube.stream_health.Reports` by remembering."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.restarts: list[str] = []
        self.errors: list[ReverserError] = []
        self.types: Sequence[ResourceType] = ()
        self.degraded: Mapping[str, str] = {}
        self.streams: Sequence[Stream] = ()
        self.started: list[str] = []

    def connected(self, server: str, version: str) -> None:
        self.calls.append("connected")

    def unreachable(self, error: ReverserError) -> None:
        self.calls.append("unreachable")
        self.errors.append(error)

    def discovered(self, types: Sequence[ResourceType], degraded: Mapping[str, str]) -> None:
        self.calls.append("discovered")
        self.types, self.degraded = types, degraded

    def watching(self, streams: Sequence[Stream]) -> None:
        self.streams = streams

    def listed(self, stream: Stream, objects: int) -> None:
        self.calls.append(f"listed {stream.type.name} {objects}")

    def restarted(self, stream: Stream, reason: str) -> None:
        self.restarts.append(reason)

    def failed(self, stream: Stream, error: ReverserError) -> None:
        self.calls.append(f"failed {stream.type.name}")
        self.errors.append(error)

    def recovered(self, stream: Stream) -> None:
        self.calls.append(f"recovered {stream.type.name}")

    def started_over(self, stream: Stream | None, why: str) -> None:
        self.calls.append(f"started over {stream.type.name if stream else 'all'}")
        self.started.append(why)


class Taken:
    """Everything that came through a channel, as short texts in order."""

    def __init__(self) -> None:
        self.send, self._receive = trio.open_memory_channel[Observation](100)
        self.all: list[Observation] = []

    async def run(self) -> None:
        async for observation in self._receive:
            self.all.append(observation)

    @property
    def texts(self) -> list[str]:
        return [_text(observation) for observation in self.all]

    @property
    def changes(self) -> list[Change]:
        return [observation for observation in self.all if isinstance(observation, Change)]

    async def until(self, *texts: str) -> None:
        """Wait until exactly this has come (and a moment longer would be seen by the next assert)."""
        await until(lambda: len(self.texts) >= len(texts), lambda: f"{self.texts}")
        assert self.texts == list(texts)


def _text(observation: Observation) -> str:
    match observation:
        case Change(origin=origin, deleted=deleted, key=key, resource_version=version):
            return f"{origin.value} {'-' if deleted else '+'}{key.name} {version}".strip()
        case ListStarted():
            return "list"
        case ListCompleted(resource_version=version):
            return f"listed {version}"
        case StartedOver():
            return "started over"
        case Identified(uid=uid, another=another):
            return f"{'another' if another else 'the'} cluster {uid}"
        case Progress(resource_version=version):
            return f"at {version}"
        case _:
            return type(observation).__name__


class Followed:
    """One stream that is watched, what it handed on, and what it told."""

    def __init__(self, client: Client, silence_seconds: float = 60) -> None:
        self.taken, self.told, self.lists = Taken(), Told(), Lists()
        tap = DiscoveryTrigger(self.taken.send, lambda: None)
        self.watch = Watch(client, STREAM, tap, self.lists, self.told, silence_seconds=silence_seconds)

    def start(self, nursery: trio.Nursery, position: str = "") -> None:
        """Watch from a position on."""
        nursery.start_soon(self.taken.run)
        nursery.start_soon(self.watch.run, position)


Follow = Callable[..., Followed]
"""Starts a stream that meets these answers."""


def following(
    api: Scripted, client: Client, nursery: trio.Nursery, usual_silence_seconds: float = 60
) -> Follow:
    """What the fixture `follow` of a test is."""

    def start(
        *answers: Answer, position: str = "", silence_seconds: float = usual_silence_seconds
    ) -> Followed:
        api.script[PATH] = list(answers)
        followed = Followed(client, silence_seconds)
        followed.start(nursery, position)
        return followed

    return start


class Observed:
    """A whole cluster that is observed, what was handed on, and what was told."""

    def __init__(
        self,
        kubeconfig: Path,
        position: Callable[[Stream], Awaitable[str]],
        uid: Callable[[], Awaitable[str]] | None = None,
    ) -> None:
        self.taken, self.told = Taken(), Told()
        self.observer = Observer(
            "default",
            kubeconfig=str(kubeconfig),
            context="",
            wanted=lambda types: dict.fromkeys(types, ("",)),
            position=position,
            uid=uid or nowhere,
            send=self.taken.send,
            reports=self.told,
        )

    def start(self, nursery: trio.Nursery) -> None:
        """Observe."""
        nursery.start_soon(self.taken.run)
        nursery.start_soon(self.observer.run)


async def scripted(nursery: trio.Nursery) -> Scripted:
    """A server that listens."""
    server = Scripted()
    await nursery.start(server.serve)
    return server


@asynccontextmanager
async def connected(api: Scripted, folder: Path, **login: Any) -> AsyncIterator[Client]:
    """A client of the server."""
    async with Client.open(await load(str(api.kubeconfig(folder, **login)), "")) as client:
        yield client


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-off and discovery in milliseconds."""
    monkeypatch.setattr("reverser.kube.stream_health.RETRY_SECONDS", 0.01)
    monkeypatch.setattr("reverser.kube.stream_health.RETRY_SECONDS_MOST", 0.05)
    monkeypatch.setattr("reverser.kube.observer.GATHER_SECONDS", 0.01)


async def nowhere() -> str:
    """No cluster was seen before."""
    return ""


async def until(condition: Callable[[], object], what: Callable[[], str] = lambda: "") -> None:
    """Wait until something holds, at most for a bounded time."""
    with trio.move_on_after(BOUND_SECONDS):
        while not condition():
            await trio.sleep(0.01)
    assert condition(), what()
