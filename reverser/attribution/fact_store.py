"""Stores the facts of all clusters for as long as one may name an author.

The store outlives sessions: reading the configuration again loses no fact. Audit facts are durable before
the API server gets its answer; admission facts are saved when the process stops.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

import msgspec

from reverser.attribution.attributor import Attributor
from reverser.attribution.fact_index import Facts
from reverser.errors import StalledError, TransientError
from reverser.health import Health
from reverser.journal.retrying import RetryingJournal
from reverser.metrics import Metrics
from reverser.model.fact import Fact, Source
from reverser.model.journal import HISTORIES, Journal, joinable
from reverser.unexpected_errors import left_out

SAVED = "evidence"
"""Setting of the journal: the admission facts, as JSON, whose change was not seen before the last stop."""


class FactStore:
    """The facts of all clusters, and the attributor that joins them with changes."""

    def __init__(self, journal: Journal, metrics: Metrics, health: Health, grace_seconds: float) -> None:
        self._journal = journal
        self._metrics = metrics
        self._facts = Facts(on_expired=self._expired)
        retrying = RetryingJournal(journal, health, "facts")
        self.attributor = Attributor(
            self._facts, journal.key, retrying, metrics, time.time, grace_seconds=grace_seconds
        )

    def add(self, fact: Fact) -> None:
        """Add an admission fact."""
        self._add(fact, time.time())

    async def add_durable(self, facts: Sequence[Fact]) -> None:
        """Store audit facts in the journal, then use them. Raises TransientError when that fails."""
        now = time.time()
        try:
            await self._journal.save_facts(facts, now)
            await self._expect_audit({fact.cluster for fact in facts})
        except StalledError as error:
            raise TransientError(error.message, hint=error.hint) from error
        for fact in facts:
            if self._add(fact, now):
                self.attributor.fact_added(fact)

    async def _expect_audit(self, clusters: Iterable[str]) -> None:
        """Let changes of these clusters wait for audit from now on, after a restart, too."""
        sources = self.attributor.audit_sources
        for cluster in clusters:
            if not sources.is_active(cluster):
                await self._journal.set_setting(_audit_setting(cluster), "yes")
        sources.mark_active(clusters)

    async def load(self, clusters: Iterable[str]) -> None:
        """Load what the last process knew."""
        histories = await self._journal.get_settings(HISTORIES)
        for arrived_at, fact in await self._journal.load_facts():
            with left_out("journal", fact.cluster):
                if joinable(fact, arrived_at, histories):
                    self._facts.add(fact, arrived_at)
        text = await self._journal.get_setting(SAVED)
        if text:
            with left_out("journal", SAVED):
                self._facts.seed(msgspec.json.decode(text, type=list[Fact]), time.time())
            # Good for one start only: after it nothing would tell that their change is long past.
            await self._journal.set_setting(SAVED, "")
        known = [cluster for cluster in clusters if await self._journal.get_setting(_audit_setting(cluster))]
        self.attributor.audit_sources.mark_active(known)

    async def save(self) -> None:
        """Save for the next process the facts that may still be joined."""
        facts = self._facts.export(self.attributor.version_tracker.versions())
        admitted = [fact for fact in facts if fact.source is Source.ADMISSION]
        await self._journal.set_setting(SAVED, msgspec.json.encode(admitted).decode())

    def _add(self, fact: Fact, now: float) -> bool:
        new = self._facts.add(fact, now)
        if new:
            self._metrics.count("facts_received", cluster=fact.cluster, source=fact.source.value)
        return new

    def _expired(self, fact: Fact) -> None:
        self._metrics.count("facts_expired", cluster=fact.cluster, source=fact.source.value)


def _audit_setting(cluster: str) -> str:
    return f"audit/{cluster}"
