"""The journal, with retries: a call that fails is repeated until it succeeds.

No change may be dropped, and a watch can wait. While the journal cannot be used (a full disk, a damaged file)
the process is not ready and says why.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeVar

import trio

from reverser.errors import ReverserError, StalledError, TransientError
from reverser.health import Health
from reverser.model.attribution import Attribution
from reverser.model.change import Stream
from reverser.model.entry import Append, Entry, Known, Place, Record
from reverser.model.ports import Journal
from reverser.model.resource import ObjectKey
from reverser.model.staged import Staged
from reverser.model.withheld import Withheld

RETRY_SECONDS = 1.0
RETRY_SECONDS_MOST = 30.0
SUBJECT = "journal"

T = TypeVar("T")


class RetryingJournal:
    """The part of the journal that the intake uses; each call returns only when it has succeeded."""

    def __init__(self, journal: Journal, health: Health, step: str = "intake") -> None:
        """`step`: names the caller, since a call that works for one says nothing about another's."""
        self._journal = journal
        self._health = health
        self._step = step
        self._stuck = 0
        """Calls that have failed and are tried again: a full disk is read well."""

    async def append(self, append: Append) -> list[Entry]:
        return await self._ask(self._journal.append, append)

    async def stage(self, listing: str, staged: Staged) -> None:
        await self._ask(self._journal.stage, listing, staged)

    async def discard(self, listing: str) -> None:
        await self._ask(self._journal.discard, listing)

    async def discard_all(self) -> None:
        await self._ask(self._journal.discard_all)

    async def settle(self, attributions: Mapping[int, Attribution]) -> None:
        await self._ask(self._journal.settle, attributions)

    async def waiting(self) -> list[Entry]:
        return await self._ask(self._journal.waiting)

    async def known(self, places: Iterable[Place]) -> Known:
        """The records of these objects; absent ones are left out."""
        wanted: dict[str, list[ObjectKey]] = defaultdict(list)
        for destination, key in places:
            wanted[destination].append(key)
        known: Known = {}
        for destination, keys in wanted.items():
            found = await self._ask(self._journal.records, destination, keys)
            known |= {(destination, key): record for key, record in found.items()}
        return known

    async def keys(
        self, destination: str, stream: Stream, after: ObjectKey | None, limit: int
    ) -> list[ObjectKey]:
        return await self._ask(self._journal.keys, destination, stream, after, limit)

    async def some_records(self, destination: str, after: ObjectKey | None, limit: int) -> list[Record]:
        return await self._ask(self._journal.some_records, destination, after, limit)

    async def facts(self, prefix: str) -> dict[str, str]:
        return await self._ask(self._journal.facts, prefix)

    async def withheld(self) -> list[Withheld]:
        return await self._ask(self._journal.withheld)

    async def _ask(self, call: Callable[..., Awaitable[T]], *args: object) -> T:
        try:
            answer = await call(*args)
        except (TransientError, StalledError) as error:
            self._stuck += 1
            try:
                answer = await self._again(error, call, *args)
            finally:
                self._stuck -= 1
        if not self._stuck:
            self._health.recovered(SUBJECT, step=self._step)
            self._health.passed(SUBJECT, not self._health.is_stalled(SUBJECT))
        return answer

    async def _again(self, error: ReverserError, call: Callable[..., Awaitable[T]], *args: object) -> T:
        pause = RETRY_SECONDS
        while True:
            self._health.passed(SUBJECT, False)
            self._health.failed(SUBJECT, error, "JournalUnusable", step=self._step)
            if isinstance(error, TransientError):
                await trio.sleep(error.retry_after or pause)
                pause = min(2 * pause, RETRY_SECONDS_MOST)
            else:
                await trio.sleep(RETRY_SECONDS_MOST)
            try:
                return await call(*args)
            except (TransientError, StalledError) as another:
                error = another
