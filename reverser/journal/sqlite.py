"""The journal as a SQLite database in the data directory: durable once `append` returns.

Two connections, both used in worker threads: one writes, and groups what waits for it; one reads,
and never waits for the writer. An entry that was acknowledged is deleted, so the queue stays as
small as what is on its way.

A commit costs a flush of the disk, whatever is in it. So whoever gets the turn to write takes along
everything that queued up meanwhile. When a group fails, each of its writes is tried alone: one
that cannot be done does not take its neighbours with it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterable, Mapping
from contextlib import ExitStack, asynccontextmanager, closing, suppress
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import trio

from reverser.errors import StalledError, TransientError
from reverser.journal.data_directory import is_id_of, load_digest_key
from reverser.journal.errors import translated
from reverser.journal.schema import connect, prepare
from reverser.journal.staging import Staging
from reverser.journal.store import Store
from reverser.model.attribution import Attribution
from reverser.model.entry import Append, Entry, Staged
from reverser.model.journal import Journal

P = ParamSpec("P")
T = TypeVar("T")
SHRINK_SECONDS = 30.0


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
            journal = SqliteJournal(Store(writing), Store(reading), staging, load_digest_key(folder))
        yield journal


async def keep_small(journal: Journal) -> None:
    """Give the journal's room back when nothing is pending, at the start too, until cancelled.

    An acknowledgement does so as well, but a process that ends meanwhile leaves the rest to the next one.
    Where there is nothing to give back, it takes a tenth of a millisecond.
    """
    while True:
        with suppress(TransientError, StalledError):  # whoever needs the journal reports it
            await journal.shrink()
        await trio.sleep(SHRINK_SECONDS)


def _reading(
    call: Callable[Concatenate[Store, P], T],
) -> Callable[Concatenate[SqliteJournal, P], Coroutine[Any, Any, T]]:
    """A method that calls the store's, on the connection that reads."""

    @wraps(call)
    async def method(self: SqliteJournal, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.read(lambda store: call(store, *args, **kwargs))

    return method


def _writing(
    call: Callable[Concatenate[Store, P], T],
) -> Callable[Concatenate[SqliteJournal, P], Coroutine[Any, Any, T]]:
    """A method that calls the store's, in a transaction."""

    @wraps(call)
    async def method(self: SqliteJournal, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.write(lambda store: call(store, *args, **kwargs))

    return method


class SqliteJournal:
    """Implements `model.journal.Journal`."""

    pending = _reading(Store.pending)
    attributed_entries = _reading(Store.attributed_entries)
    awaiting_author = _reading(Store.awaiting_author)
    backlog = _reading(Store.backlog)
    backlogs = _reading(Store.backlogs)
    records = _reading(Store.records)
    some_records = _reading(Store.some_records)
    known = _reading(Store.known)
    keys = _reading(Store.keys)
    paths = _reading(Store.paths)
    withheld = _reading(Store.withheld)
    position = _reading(Store.position)
    standing = _reading(Store.standing)
    sealed = _reading(Store.sealed)
    selected_by_lost_labels = _reading(Store.selected_by_lost_labels)
    load_facts = _reading(Store.load_facts)
    get_setting = _reading(Store.get_setting)
    get_settings = _reading(Store.get_settings)
    set_setting = _writing(Store.set_setting)
    save_facts = _writing(Store.save_facts)
    withhold = _writing(Store.withhold)
    forget_destination = _writing(Store.forget_destination)
    rename_destinations = _writing(Store.rename_destinations)

    def __init__(self, writing: Store, reading: Store, staging: Staging, key: bytes) -> None:
        self._commits = GroupCommit(writing)
        self._store = reading
        self._staging = staging
        self._read_limit = trio.CapacityLimiter(1)
        self._changed: dict[str, trio.Event] = {}
        """By destination, for those who wait: of hundreds only those look again that something came for."""
        self._key = key
        with writing.transaction():
            writing.recheck_destinations()
            self._highest = writing.last_seq()
            self._id, self._former = writing.new_id(key, self._highest)

    @property
    def id(self) -> str:
        return self._id

    def knows(self, journal: str) -> bool:
        return journal == self._id or journal in self._former or is_id_of(journal, self._key)

    def is_own(self, journal: str) -> bool:
        return journal == self._id or journal in self._former

    def issued(self, journal: str, seq: int) -> bool:
        return seq <= (self._highest if journal == self._id else self._former.get(journal, 0))

    @property
    def key(self) -> bytes:
        return self._key

    async def append(self, batch: Append) -> list[Entry]:
        spool = self._staging.get(batch.listing)

        def append(store: Store) -> tuple[list[Entry], int, set[str]]:
            before = store.last_seq()
            entries = store.append(batch, () if spool is None else spool.batches())
            return entries, store.last_seq(), store.destinations_after(before)

        entries, highest, destinations = await self.write(append)
        self._highest = max(self._highest, highest)
        self._staging.discard(batch.listing)
        self._wake(destinations)
        return entries

    async def stage(self, listing: str, staged: Staged) -> None:
        await trio.to_thread.run_sync(self._staging.add, listing, staged)

    async def discard(self, listing: str) -> None:
        self._staging.discard(listing)

    async def discard_all(self) -> None:
        self._staging.close()

    async def wait(self, destination: str, *, after: int = 0, waiting: Collection[int] = ()) -> None:
        def changed(store: Store) -> bool:
            return store.any_pending(destination, after) or store.any_attributed(waiting)

        while True:
            event = self._changed.setdefault(destination, trio.Event())
            if await self.read(changed):
                return
            await event.wait()

    async def set_attributions(self, attributions: Mapping[int, Attribution]) -> None:
        self._wake(await self.write(lambda store: store.set_attributions(attributions)))

    async def ack(self, destination: str, seqs: Iterable[int | range], head: str) -> None:
        listed = list(seqs)  # a write may run more than once
        await self.write(lambda store: store.ack(destination, listed, head))
        with suppress(TransientError):  # what is acknowledged is so, with or without room for this
            await self.shrink()

    async def begin_anew(self, positions: Mapping[str, tuple[str, str]], settings: Mapping[str, str]) -> None:
        self._staging.close()
        self._id, self._former = await self.write(
            lambda store: store.begin_anew(positions, settings, self._key)
        )

    async def shrink(self) -> None:
        while await self.write(Store.shrink):
            await self.read(Store.checkpoint)

    async def head(self, destination: str) -> str:
        return await self.get_setting(f"head/{destination}")

    async def set_head(self, destination: str, head: str) -> None:
        await self.set_setting(f"head/{destination}", head)

    def _wake(self, destinations: Collection[str]) -> None:
        """Let those look again who wait for entries of these."""
        for name in [*destinations]:
            event = self._changed.pop(name, None)
            if event is not None:
                event.set()

    async def write(self, call: Callable[[Store], T]) -> T:
        """Run a call in a transaction, maybe with others'; it may run more than once."""
        with translated():
            return await self._commits.write(call)

    async def read(self, call: Callable[[Store], T]) -> T:
        """Run a call that only reads; rows that it cannot read are withheld."""
        with translated():
            answer = await trio.to_thread.run_sync(call, self._store, limiter=self._read_limit)
        if damaged := self._store.take_damaged():
            await self.write(lambda store: store.withhold_damaged(damaged))
        return answer


class _Write:
    """A write that waits, and then what became of it."""

    def __init__(self, call: Callable[[Store], Any]) -> None:
        self.call = call
        self.done = False
        self.answer: Any = None
        self.error: Exception | None = None

    def finish(self, answer: Any, error: Exception | None = None) -> None:
        self.done, self.answer, self.error = True, answer, error


class GroupCommit:
    """The only way to write to a store that is in use."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._turn = trio.Lock()
        self._queue: list[_Write] = []

    async def write(self, call: Callable[[Store], T]) -> T:
        """Run `call` in a transaction, maybe with others', and return once it is durable.

        `call` may run more than once. It is never cancelled half-way, so that nobody is left in
        doubt about what is in the journal.
        """
        write = _Write(call)
        self._queue.append(write)
        with trio.CancelScope(shield=True):
            async with self._turn:
                if not write.done:
                    group, self._queue = self._queue, []
                    await trio.to_thread.run_sync(_commit_group, self._store, group)
        if write.error is not None:
            raise write.error
        answer: T = write.answer
        return answer


def _commit_group(store: Store, group: list[_Write]) -> None:
    try:
        with store.transaction():
            answers = [_run_checked(store, write) for write in group]
    except Exception as error:
        if len(group) == 1:
            group[0].finish(None, error)
            return
        for write in group:
            _commit_group(store, [write])
    else:
        for write, answer in zip(group, answers, strict=True):
            write.finish(answer)


def _run_checked(store: Store, write: _Write) -> Any:
    answer = write.call(store)
    store.check()
    return answer
