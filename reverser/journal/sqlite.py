"""The journal as a SQLite database in the data directory: durable once `append` returns.

Two connections in worker threads: one writes, one transaction at a time; one reads, and never
waits for the writer. The key for digests lies beside the database, not in it, so that a copy of
the database alone tells nothing about what the digests were made from.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

import trio

from reverser.errors import ReverserError, StalledError, TransientError
from reverser.journal.schema import connect, prepare
from reverser.journal.store import Store
from reverser.model.change import Stream
from reverser.model.entry import Append, Entry, Record
from reverser.model.ports import Backlog, Journal
from reverser.model.resource import ObjectKey
from reverser.model.withheld import Withheld

P = ParamSpec("P")
T = TypeVar("T")

KEY_BYTES = 32


@asynccontextmanager
async def open_journal(folder: Path) -> AsyncIterator[Journal]:
    """The journal of a data directory, made when it is missing.

    Raises StalledError for a database that is damaged or of another version.
    """
    path = folder / "journal.sqlite"
    with _translated(), closing(connect(path)) as writing, closing(connect(path)) as reading:
        prepare(writing)
        yield SqliteJournal(Store(writing), Store(reading), _key(folder / "key"))


class SqliteJournal:
    """Implements `model.ports.Journal`."""

    def __init__(self, writing: Store, reading: Store, key: bytes) -> None:
        self._writing = writing
        self._reading = reading
        self._write_limit = trio.CapacityLimiter(1)
        self._read_limit = trio.CapacityLimiter(1)
        self._appended = trio.Event()
        self._key = key
        self._id = writing.fact("id") or writing.new_id()

    @property
    def id(self) -> str:
        return self._id

    @property
    def key(self) -> bytes:
        return self._key

    async def append(self, batch: Append) -> list[Entry]:
        # A cancelled append must not leave the caller in doubt: the thread is always waited for.
        with trio.CancelScope(shield=True):
            entries = await self._write(self._writing.append, batch)
        if entries:
            self._appended.set()
            self._appended = trio.Event()
        return entries

    async def pending(self, destination: str, *, after: int = 0, limit: int = 1000) -> list[Entry]:
        return await self._read(self._reading.pending, destination, after, limit)

    async def wait(self, destination: str, *, after: int = 0) -> None:
        while True:
            appended = self._appended
            if await self._read(self._reading.any_pending, destination, after):
                return
            await appended.wait()

    async def ack(self, destination: str, seqs: Iterable[int], head: str) -> None:
        await self._write(self._writing.ack, destination, seqs, head)

    async def head(self, destination: str) -> str:
        return await self.fact(f"head/{destination}")

    async def set_head(self, destination: str, head: str) -> None:
        await self.set_fact(f"head/{destination}", head)

    async def withhold(self, seq: int, withheld: Withheld) -> None:
        await self._write(self._writing.withhold, seq, withheld)

    async def withheld(self) -> list[Withheld]:
        return await self._read(self._reading.withheld)

    async def records(self, destination: str, keys: Sequence[ObjectKey]) -> dict[ObjectKey, Record]:
        return await self._read(self._reading.records, destination, keys)

    async def keys(self, destination: str, stream: Stream) -> set[ObjectKey]:
        return await self._read(self._reading.keys, destination, stream)

    async def all_records(self, destination: str) -> list[Record]:
        return await self._read(self._reading.all_records, destination)

    async def position(self, stream: Stream) -> tuple[str, str]:
        return await self._read(self._reading.position, stream)

    async def forget(self, destination: str) -> None:
        await self._write(self._writing.forget, destination)

    async def fact(self, name: str) -> str:
        return await self._read(self._reading.fact, name)

    async def set_fact(self, name: str, value: str) -> None:
        await self._write(self._writing.set_fact, name, value)

    async def renew(self) -> None:
        self._id = await self._write(self._writing.new_id)

    async def last_seq(self) -> int:
        return await self._read(self._reading.last_seq)

    async def backlog(self, destination: str) -> Backlog:
        return await self._read(self._reading.backlog, destination)

    async def _write(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        with _translated():
            return await trio.to_thread.run_sync(lambda: call(*args, **kwargs), limiter=self._write_limit)

    async def _read(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        with _translated():
            return await trio.to_thread.run_sync(lambda: call(*args, **kwargs), limiter=self._read_limit)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        raise _unusable(error) from error
    except sqlite3.DatabaseError as error:
        raise _damaged(error) from error


def _unusable(error: sqlite3.Error) -> ReverserError:
    hint = "is the disk full, or the data directory read-only?"
    return TransientError(f"the journal cannot be used: {error}", hint=hint)


def _damaged(error: sqlite3.Error) -> ReverserError:
    hint = "move journal.sqlite* away: a new journal is rebuilt from the remote and the API server"
    return StalledError("JournalDamaged", f"the journal is damaged: {error}", hint=hint)


def _key(path: Path) -> bytes:
    try:
        key = path.read_bytes()
    except FileNotFoundError:
        key = secrets.token_bytes(KEY_BYTES)
        partial = path.with_suffix(".new")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    if len(key) != KEY_BYTES:
        raise StalledError("KeyDamaged", f"{path} does not hold {KEY_BYTES} bytes", hint="restore it")
    return key
