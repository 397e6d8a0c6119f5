"""The journal as a SQLite database in the data directory: durable once `append` returns.

Two connections, both used in worker threads: one writes, and groups what waits for it; one reads,
and never waits for the writer. An entry that was acknowledged is deleted, so the queue stays as
small as what is on its way.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, closing, suppress
from pathlib import Path
from typing import TypeVar

import trio

from reverser.errors import TransientError
from reverser.journal.digest_key import key, proves
from reverser.journal.errors import translated
from reverser.journal.group_commit import Commits
from reverser.journal.schema import connect, prepare
from reverser.journal.staging import Staging
from reverser.journal.store import Store
from reverser.model.attribution import Attribution
from reverser.model.change import Stream
from reverser.model.entry import Append, Entry, Record
from reverser.model.fact import Fact
from reverser.model.ports import Backlog, Journal
from reverser.model.resource import ObjectKey
from reverser.model.staged import Staged
from reverser.model.withheld import Withheld

T = TypeVar("T")


@asynccontextmanager
async def open_journal(folder: Path) -> AsyncIterator[Journal]:
    """The journal of a data directory, made when it is missing.

    Raises StalledError for a database that is damaged or of another version, TransientError for
    one that cannot be opened now.
    """
    path = folder / "journal.sqlite"
    with ExitStack() as connections:
        # Only around the opening: what the caller raises while it uses the journal is not ours.
        with translated():
            writing = connections.enter_context(closing(connect(path)))
            reading = connections.enter_context(closing(connect(path)))
            prepare(writing)
            staging = connections.enter_context(closing(Staging(folder)))
            journal = SqliteJournal(Store(writing), Store(reading), staging, key(folder))
        yield journal


class SqliteJournal:
    """Implements `model.ports.Journal`."""

    def __init__(self, writing: Store, reading: Store, staging: Staging, key: bytes) -> None:
        self._commits = Commits(writing)
        self._reading = reading
        self._staging = staging
        self._read_limit = trio.CapacityLimiter(1)
        self._moved = trio.Event()
        self._key = key
        with writing.transaction():
            writing.begin_anew()
            self._id, self._former = writing.new_id(key)
            self._highest = writing.last_seq()

    @property
    def id(self) -> str:
        return self._id

    def knows(self, journal: str) -> bool:
        return journal == self._id or journal in self._former or proves(journal, self._key)

    def issued(self, journal: str, seq: int) -> bool:
        return seq <= (self._highest if journal == self._id else self._former.get(journal, 0))

    @property
    def key(self) -> bytes:
        return self._key

    async def append(self, batch: Append) -> list[Entry]:
        spool = self._staging.get(batch.listing)
        entries, highest = await self._write(
            lambda store: (store.append(batch, () if spool is None else spool.batches()), store.last_seq())
        )
        self._highest = max(self._highest, highest)
        self._staging.discard(batch.listing)
        if entries or spool is not None:
            self._wake()
        return entries

    async def stage(self, listing: str, staged: Staged) -> None:
        await trio.to_thread.run_sync(self._staging.add, listing, staged)

    async def discard(self, listing: str) -> None:
        self._staging.discard(listing)

    async def discard_all(self) -> None:
        self._staging.close()

    async def pending(self, destination: str, *, after: int = 0, limit: int = 1000) -> list[Entry]:
        return await self._read(lambda store: store.pending(destination, after, limit))

    async def wait(self, destination: str, *, after: int = 0, waiting: Collection[int] = ()) -> None:
        def moved(store: Store) -> bool:
            return store.any_pending(destination, after) or store.evidence.any_settled(waiting)

        while True:
            event = self._moved
            if await self._read(moved):
                return
            await event.wait()

    async def settle(self, attributions: Mapping[int, Attribution]) -> None:
        await self._write(lambda store: store.evidence.settle(attributions))
        self._wake()

    async def settled(self, seqs: Collection[int]) -> list[Entry]:
        return await self._read(lambda store: store.evidence.settled(seqs))

    async def waiting(self) -> list[Entry]:
        return await self._read(lambda store: store.evidence.waiting())

    async def keep(self, facts: Sequence[Fact], now: float) -> None:
        await self._write(lambda store: store.evidence.keep(facts, now))

    async def kept(self) -> list[tuple[float, Fact]]:
        return await self._read(lambda store: store.evidence.kept())

    async def ack(self, destination: str, seqs: Iterable[int | range], head: str) -> None:
        known = list(seqs)
        await self._write(lambda store: store.ack(destination, known, head))
        with suppress(TransientError):  # what is acknowledged is so, with or without room for this
            await self.shrink()

    async def shrink(self) -> None:
        while await self._write(Store.shrink):
            await self._read(Store.checkpoint)

    async def head(self, destination: str) -> str:
        return await self.fact(f"head/{destination}")

    async def set_head(self, destination: str, head: str) -> None:
        await self.set_fact(f"head/{destination}", head)

    async def withhold(self, seq: int, withheld: Withheld, file: str = "") -> None:
        await self._write(lambda store: store.withhold(seq, withheld, file))

    async def withheld(self) -> list[Withheld]:
        return await self._read(Store.withheld)

    async def records(self, destination: str, keys: Sequence[ObjectKey]) -> dict[ObjectKey, Record]:
        return await self._read(lambda store: store.records(destination, keys))

    async def keys(
        self, destination: str, stream: Stream, after: ObjectKey | None = None, limit: int = 1000
    ) -> list[ObjectKey]:
        return await self._read(lambda store: store.keys(destination, stream, after, limit))

    async def some_records(self, destination: str, after: ObjectKey | None, limit: int) -> list[Record]:
        return await self._read(lambda store: store.some_records(destination, after, limit))

    async def paths(self, destination: str) -> set[str]:
        return await self._read(lambda store: store.paths(destination))

    async def position(self, stream: Stream) -> tuple[str, str]:
        return await self._read(lambda store: store.position(stream))

    async def forget(self, destination: str) -> None:
        await self._write(lambda store: store.forget(destination))

    async def rename(self, names: Mapping[str, str]) -> None:
        await self._write(lambda store: store.rename(names))

    async def fact(self, name: str) -> str:
        return await self._read(lambda store: store.fact(name))

    async def facts(self, prefix: str) -> dict[str, str]:
        return await self._read(lambda store: store.facts(prefix))

    async def set_fact(self, name: str, value: str) -> None:
        await self._write(lambda store: store.set_fact(name, value))

    async def backlog(self, destination: str) -> Backlog:
        return await self._read(lambda store: store.backlog(destination))

    def _wake(self) -> None:
        """Let those look again who wait for entries."""
        self._moved.set()
        self._moved = trio.Event()

    async def _write(self, call: Callable[[Store], T]) -> T:
        with translated():
            return await self._commits.write(call)

    async def _read(self, call: Callable[[Store], T]) -> T:
        with translated():
            answer = await trio.to_thread.run_sync(call, self._reading, limiter=self._read_limit)
        if damaged := self._reading.take_damaged():
            await self._write(lambda store: store.set_aside(damaged))
        return answer
