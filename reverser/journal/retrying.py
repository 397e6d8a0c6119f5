"""The journal, with retries: a call that fails is repeated until it succeeds.

No change may be dropped, and a watch can wait. While the journal cannot be used (a full disk, a damaged file)
the process is not ready and says why.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Concatenate, ParamSpec, TypeVar

import trio

from reverser.backoff import Backoff
from reverser.errors import ReverserError, StalledError, TransientError
from reverser.health import Health
from reverser.model.entry import KnownRecords, RecordKey
from reverser.model.journal import Journal

RETRY_SECONDS = 1.0
RETRY_SECONDS_MOST = 30.0
SUBJECT = "journal"

P = ParamSpec("P")
T = TypeVar("T")


def _retried(
    call: Callable[Concatenate[Journal, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[RetryingJournal, P], Coroutine[Any, Any, T]]:
    """A method that calls the journal's of the same name until that succeeds."""
    name = call.__name__

    async def method(self: RetryingJournal, /, *args: P.args, **kwargs: P.kwargs) -> T:
        wrapped: Callable[P, Awaitable[T]] = getattr(self._journal, name)
        return await self._retry(wrapped, *args, **kwargs)

    return method


class RetryingJournal:
    """The part of the journal that the intake uses; each call returns only when it has succeeded."""

    append = _retried(Journal.append)
    stage = _retried(Journal.stage)
    discard = _retried(Journal.discard)
    discard_all = _retried(Journal.discard_all)
    set_attributions = _retried(Journal.set_attributions)
    awaiting_author = _retried(Journal.awaiting_author)
    keys = _retried(Journal.keys)
    some_records = _retried(Journal.some_records)
    get_settings = _retried(Journal.get_settings)
    withheld = _retried(Journal.withheld)

    def __init__(self, journal: Journal, health: Health, step: str = "intake") -> None:
        """`step`: names the caller, since a call that works for one says nothing about another's."""
        self._journal = journal
        self._health = health
        self._step = step
        self._stuck = 0
        """Calls that have failed and are tried again: a full disk is read well."""

    async def known(self, places: Iterable[RecordKey]) -> KnownRecords:
        """The records of these objects; absent ones are left out."""
        record_keys = list(places)
        return await self._retry(self._journal.known, record_keys) if record_keys else {}

    async def _retry(self, call: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            answer = await call(*args, **kwargs)
        except (TransientError, StalledError) as error:
            self._stuck += 1
            try:
                answer = await self._repeat(error, lambda: call(*args, **kwargs))
            finally:
                self._stuck -= 1
        if not self._stuck:
            self._health.recovered(SUBJECT, step=self._step)
            self._health.passed(SUBJECT, not self._health.is_stalled(SUBJECT))
        return answer

    async def _repeat(self, error: ReverserError, call: Callable[[], Awaitable[T]]) -> T:
        backoff = Backoff(RETRY_SECONDS, RETRY_SECONDS_MOST)
        while True:
            self._health.passed(SUBJECT, False)
            self._health.failed(SUBJECT, error, "JournalUnusable", step=self._step)
            passes = isinstance(error, TransientError)
            await trio.sleep(backoff.failed(error.retry_after) if passes else RETRY_SECONDS_MOST)
            try:
                return await call()
            except (TransientError, StalledError) as another:
                error = another
