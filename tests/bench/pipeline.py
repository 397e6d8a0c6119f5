"""The daemon's pipeline without an API server: lines of a watch in, commits in a bare repository out.

The real intake, journal, writer and git, in one process as in the daemon. Lines are decoded and
fed as fast as they are taken; nothing counts as landed before the journal has its acknowledgement.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import trio

from reverser.app.assembly import Assembly
from reverser.app.session import CHANNEL
from reverser.app.writers import WriterFactory
from reverser.config import Config
from reverser.health import Health
from reverser.intake.driver import Intake
from reverser.journal.sqlite import open_journal
from reverser.kube.watch_events import change_of, event_of
from reverser.metrics import Metrics
from reverser.model.change import Barrier, ListCompleted, ListStarted, Observation, Origin, Stream
from reverser.model.destination import Destination
from reverser.model.journal import Journal
from reverser.model.rule import Rule
from reverser.plugins import Host
from tests.bench.samples import STREAMS, place, sample

POLL_SECONDS = 0.05


class Pipeline:
    """Intake and writer at work; fed by `snapshot` and `live`."""

    def __init__(
        self, send: trio.MemorySendChannel[Observation], journal: Journal, listed: trio.Event
    ) -> None:
        self._send = send
        self._journal = journal
        self._listed = listed
        self._revision = 0

    async def snapshot(self, size: int) -> None:
        """All objects below `size` are listed, and land."""
        version = str(size)
        for index, stream in enumerate(STREAMS):
            await self._send.send(ListStarted(stream))
            for number in range(index, size, len(STREAMS)):
                await self._feed(stream, _line(number, 0), Origin.SNAPSHOT)
            await self._send.send(ListCompleted(stream, version, time.time()))
        await self._send.send(Barrier(self._listed.set))
        await self._landed(STREAMS[-1], version)

    async def live(self, numbers: list[int]) -> float:
        """Seconds from the first of these objects' changes until the last one is in the remote."""
        first, self._revision = self._revision + 1, self._revision + len(numbers)
        lines = [(place(number)[0], _line(number, first + index)) for index, number in enumerate(numbers)]
        began = time.perf_counter()
        for stream, line in lines:
            await self._feed(stream, line, Origin.LIVE)
        stream, line = lines[-1]
        await self._landed(stream, event_of(line).resource_version)
        return time.perf_counter() - began

    async def _feed(self, stream: Stream, line: bytes, origin: Origin) -> None:
        await self._send.send(change_of(stream, event_of(line), origin, time.time()))

    async def _landed(self, stream: Stream, version: str) -> None:
        while (await self._journal.position(stream))[0] != version:
            await trio.sleep(POLL_SECONDS)
        while (await self._journal.backlog("live")).entries:
            await trio.sleep(POLL_SECONDS)


@asynccontextmanager
async def open_pipeline(folder: Path, live: Destination, host: Host | None = None) -> AsyncIterator[Pipeline]:
    """A pipeline that writes to `live` and keeps its journal and its repository in `folder`."""
    folder.mkdir()  # noqa: ASYNC240 a local folder, before anything runs
    destinations = (live,)
    rules = (Rule(name="everything", destination="live"),)
    config = Config(data_dir=str(folder), destinations=destinations, rules=rules)
    metrics, health = Metrics(), Health()
    async with open_journal(folder) as journal, trio.open_nursery() as nursery:
        assembly = Assembly(config, journal.key, host or Host())
        intake = Intake(assembly.routes, assembly.coverage, journal, metrics, health)
        opening = WriterFactory(assembly, journal, metrics, health, _resolve, _rebuilt)
        send, receive = trio.open_memory_channel[Observation](CHANNEL)
        nursery.start_soon(intake.run, receive)
        listed = trio.Event()
        nursery.start_soon(_write, opening, destinations[0], listed)
        yield Pipeline(send, journal, listed)
        nursery.cancel_scope.cancel()


async def _write(opening: WriterFactory, destination: Destination, listed: trio.Event) -> None:
    async with opening.writer(destination) as writer:
        await writer.run(listed.wait)


def _resolve(_cluster: str, _group: str, _kind: str) -> None:
    return None


def _rebuilt(_destination: str) -> None:
    raise AssertionError("the journal was not lost")


def _line(number: int, revision: int) -> bytes:
    return msgspec.json.encode({"type": "MODIFIED", "object": sample(number, revision)})
