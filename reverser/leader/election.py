"""Takes the Lease when it is free, renews it while this process leads, and gives it back at the end.

A leader that cannot renew for `renew_seconds` has lost the Lease before anybody else may take it, for others
wait `lease_seconds` from the last renewal that they saw. `keep` returns then; the process goes on, and takes
the Lease again when it can.

`held` is what this process believes. `confirm` asks the API server, and is right for all that was written
before it was asked: a new leader writes to Git only after the Lease is its own. The writers ask it before
they build anything anew on a branch that others have moved. Many may ask at a time: one request answers all
that waited for it to begin.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import structlog
import trio

from reverser.config.leader_table import Leader
from reverser.errors import ReverserError, StalledError, TransientError
from reverser.kube.errors import Conflict
from reverser.leader.lease_record import LeaseRecord, RecordAge, Term, decide, released, renewed, taken

if TYPE_CHECKING:
    from reverser.leader.lease_api import LeaseApi, LeaseSnapshot

log = structlog.get_logger()

RELEASE_SECONDS = 2.0
"""How long giving the Lease back may take: after that it expires by itself."""


class Election:
    """The Lease as one process sees it."""

    def __init__(
        self,
        api: LeaseApi,
        settings: Leader,
        identity: str,
        on_error: Callable[[ReverserError | None], None] = lambda _: None,
    ) -> None:
        """`on_error` gets each failed look at the Lease, and None after one that worked."""
        self.identity = identity
        self._api = api
        self._settings = settings
        self._on_error = on_error
        self._age = RecordAge()
        self._lease: LeaseSnapshot | None = None
        self._term: Term | None = None
        """Of the last taking, also after it was lost: writers that still drain belong to it."""
        self._held = False
        self._renewed_at = 0.0
        self._lost = trio.CancelScope()
        self._confirming = trio.Lock()
        self._begun = 0
        self._confirmed = False

    @property
    def holder(self) -> str:
        """Who holds the Lease, as it was read last; empty: nobody."""
        return self._lease.record.holder if self._lease is not None else ""

    def held(self) -> bool:
        """Whether this process leads, as far as it knows."""
        return self._held and trio.current_time() < self._renewed_at + self._settings.renew_seconds

    async def acquire(self) -> str:
        """Return once the Lease is ours, with its former holder; empty: it was free."""
        while True:
            try:
                former = await self._try_to_take()
            except (TransientError, StalledError) as error:
                self._on_error(error)
            else:
                self._on_error(None)
                if former is not None:
                    return former
            # Replicas that were started together do not look together.
            await trio.sleep(self._settings.retry_seconds * random.uniform(0.4, 0.5))  # noqa: S311

    async def _try_to_take(self) -> str | None:
        """The former holder, when the Lease is ours now."""
        self._lease = lease = await self._api.read()
        record = None if lease is None else lease.record
        age = self._age.seconds(record, trio.current_time())
        if decide(record, age, self.identity, self._settings.lease_seconds, None) != "take":
            return None
        # Shielded: who is cancelled after the server has taken it would hold the Lease and not know of it.
        with trio.CancelScope(shield=True):
            try:
                now = trio.current_time()
                await self._write(taken(record, self.identity, self._settings.lease_seconds, _now()), now)
            except Conflict:
                return None
        self._term, self._held, self._lost = self._read_record().term, True, trio.CancelScope()
        return "" if record is None else record.holder

    async def keep(self) -> None:
        """Renew the Lease; returns when it is lost."""
        with self._lost:
            while True:
                self._lost.deadline = self._renewed_at + self._settings.renew_seconds
                await trio.sleep(self._settings.retry_seconds)
                try:
                    await self._renew()
                except (TransientError, StalledError) as error:
                    self._on_error(error)
                else:
                    self._on_error(None)
                    if not self._held:
                        break
        self._held = False

    async def _renew(self) -> None:
        """Renew once. A conflict may be our own write, whose answer was lost: the record tells."""
        began = trio.current_time()
        try:
            await self._write(renewed(self._read_record(), self._settings.lease_seconds, _now()), began)
        except Conflict:
            self._lease = await self._api.read()
            if not self._is_our_term():
                self._held = False
                return
            await self._write(renewed(self._read_record(), self._settings.lease_seconds, _now()), began)

    async def _write(self, record: LeaseRecord, began: float) -> None:
        # From the moment of asking: nobody can have seen the record earlier.
        self._lease = await self._api.write(self._lease, record)
        self._renewed_at = began

    async def confirm(self) -> bool:
        """Whether the term of this process goes on, or nobody has taken the Lease since; the server says so.

        While the server does not answer: waits for as long as the Lease is held, then False.
        """
        arrived = self._begun
        async with self._confirming:
            if self._begun == arrived:
                self._begun += 1
                self._confirmed = await self._ask()
                if not self._confirmed:
                    self._lost.cancel()
            return self._confirmed

    async def _ask(self) -> bool:
        while True:
            try:
                lease = await self._api.read()
            except (TransientError, StalledError):
                if not self.held():
                    return False
                await trio.sleep(self._settings.retry_seconds)
            else:
                return lease is not None and lease.record.term == self._term

    async def release(self) -> None:
        """Let others take the Lease at once, if it is ours; never fails, and never takes long."""
        if not self._held:
            return
        self._held = False
        with trio.move_on_after(RELEASE_SECONDS, shield=True):
            try:
                await self._api.write(self._lease, released(self._read_record(), _now()))
            except (TransientError, StalledError) as error:
                log.warning("Lease cannot be released, it expires by itself", error=error.message)

    def _is_our_term(self) -> bool:
        return self._read_record().term == self._term

    def _read_record(self) -> LeaseRecord:
        return LeaseRecord() if self._lease is None else self._lease.record


def _now() -> str:
    """For people who read the record; nobody compares it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
