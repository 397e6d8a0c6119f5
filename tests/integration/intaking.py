"""What tests of the intake share: a real journal, and observations made by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import trio

from reverser.health import Health
from reverser.intake.driver import Intake
from reverser.intake.route import compile_routes
from reverser.journal.sqlite import open_journal
from reverser.metrics import Metrics
from reverser.model.change import Change, ListCompleted, ListStarted, Observation, Origin, Stream
from reverser.model.destination import Destination
from reverser.model.entry import Entry
from reverser.model.journal import Journal
from reverser.model.resource import ResourceType
from reverser.model.rule import Rule
from reverser.plugins.deciding_hooks import DecidingHooks
from tests.hooks import HOOKS

MAPS = ResourceType("", "v1", "configmaps", "ConfigMap", True)
STREAM = Stream("default", MAPS)
LIVE = Destination("live", "file:///live")
EVERYTHING = Rule("everything", "live")
BOUND_SECONDS = 30
SEEN_AT = 1000.0

METRICS = Metrics()
"""One for all: making it takes longer than most tests."""


def config_map(name: str, value: Any, *, namespace: str = "shop", **metadata: Any) -> dict[str, Any]:
    named = {"name": name, "namespace": namespace, **metadata}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": named, "data": {"value": value}}


def live(version: int, obj: dict[str, Any], *, deleted: bool = False, stream: Stream = STREAM) -> Change:
    """An event of a watch."""
    return _change(stream, obj, Origin.LIVE, deleted, str(version))


def listed(obj: dict[str, Any], *, deleted: bool = False, stream: Stream = STREAM) -> Change:
    """An object of a list."""
    return _change(stream, obj, Origin.SNAPSHOT, deleted, "")


def whole(version: int, *objects: dict[str, Any], stream: Stream = STREAM) -> list[Observation]:
    """A complete list."""
    return [
        ListStarted(stream),
        *(listed(obj, stream=stream) for obj in objects),
        ListCompleted(stream, str(version), SEEN_AT),
    ]


def _change(stream: Stream, obj: dict[str, Any], origin: Origin, deleted: bool, version: str) -> Change:
    metadata = obj["metadata"]
    key = stream.key(metadata.get("namespace", ""), metadata["name"])
    return Change(stream, key, origin, deleted, obj, version, SEEN_AT)


class Taking:
    """An intake on a journal, and the health that it reports to."""

    def __init__(
        self,
        journal: Journal,
        rules: Sequence[Rule] = (EVERYTHING,),
        destinations: Sequence[Destination] = (LIVE,),
        hooks: DecidingHooks = HOOKS,
    ) -> None:
        self.journal = journal
        self.health = Health()
        routes = compile_routes(rules, destinations, (), journal.key, hooks)
        self.intake = Intake(routes, lambda stream: f"all of {stream.id}", journal, METRICS, self.health)

    async def all(self, observations: Iterable[Observation]) -> None:
        """Take these, then end: what a session does that is stopped."""
        given = list(observations)
        send, receive = trio.open_memory_channel[Observation](len(given))
        async with send:
            for observation in given:
                send.send_nowait(observation)
        with trio.fail_after(BOUND_SECONDS):
            await self.intake.run(receive)


async def take(
    journal: Journal,
    observations: Iterable[Observation],
    *,
    rules: Sequence[Rule] = (EVERYTHING,),
    destinations: Sequence[Destination] = (LIVE,),
) -> None:
    """One session."""
    await Taking(journal, rules, destinations).all(observations)


async def entries(journal: Journal, destination: str = "live") -> list[Entry]:
    return await journal.pending(destination, limit=100_000)


async def said(journal: Journal, destination: str = "live") -> list[str]:
    """Every entry as a short text."""
    return [
        f"{each.origin.value} {each.operation.value} {each.edit.path}"
        for each in await entries(journal, destination)
    ]


async def tree(journal: Journal, destination: str = "live") -> dict[str, bytes]:
    """The files that the entries make, one after the other."""
    files: dict[str, bytes] = {}
    for each in await entries(journal, destination):
        if each.previous_path:
            files.pop(each.previous_path, None)
        if each.edit.content is None:
            files.pop(each.edit.path, None)
        else:
            files[each.edit.path] = each.edit.content
    return files


async def paths(journal: Journal, destination: str = "live") -> set[str]:
    """The files that the records tell of; they are those of the entries."""
    recorded = {each.path for each in await journal.some_records(destination, None, 100_000)}
    assert recorded == (await tree(journal, destination)).keys()
    return recorded


def plain(entry: Entry) -> Entry:
    """An entry without what the journal gave it."""
    return msgspec.structs.replace(entry, seq=0, appended_at=0.0)


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Journal]:
    async with open_journal(folder) as journal:
        yield journal
