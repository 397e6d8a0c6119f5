"""What tests of observing share: a recorder of reports, and of what a stream hands on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import trio

from reverser.errors import ReverserError
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

CONFIG_MAPS = ResourceType("", "v1", "configmaps", "ConfigMap", namespaced=True, verbs=("list", "watch"))
PATH = "/api/v1/configmaps"
STREAM = Stream("default", CONFIG_MAPS)
BOUND_SECONDS = 15


class Told:
    """Implements `kube.reports.Reports` by remembering."""

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


async def nowhere() -> str:
    """No cluster was seen before."""
    return ""


async def until(condition: Callable[[], object], what: Callable[[], str] = lambda: "") -> None:
    """Wait until something holds, at most for a bounded time."""
    with trio.move_on_after(BOUND_SECONDS):
        while not condition():
            await trio.sleep(0.01)
    assert condition(), what()
