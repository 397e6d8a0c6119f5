"""Finds the author of each live change among the facts that the webhooks delivered.

The API server asks the admission webhook before it stores a write, so an admission fact is there when the
watch event comes. An audit event comes after the write: where a cluster sends audit events, the change is
journaled at once and `pending` waits for its event. What comes later still goes to `corrections`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from reverser.attribution.corrections import CorrectionFinder
from reverser.attribution.fact_index import Facts
from reverser.attribution.object_digest import NOT_COMPARABLE, evidence_digest
from reverser.attribution.pending import AuditSources, PendingEntries
from reverser.attribution.resolve import admission_only, resolve_or_wait
from reverser.attribution.version_tracker import VersionTracker
from reverser.journal.retrying import RetryingJournal
from reverser.metrics import Metrics
from reverser.model.attribution import Attribution, Evidence
from reverser.model.change import Change, ListCompleted, ListStarted, Origin, StartedOver
from reverser.model.entry import Entry
from reverser.model.fact import Fact, Source
from reverser.unexpected_errors import left_out

SOURCES = {
    Evidence.AUDIT: Source.AUDIT,
    Evidence.AUDIT_COLLECTION: Source.AUDIT,
    Evidence.ADMISSION: Source.ADMISSION,
    Evidence.ADMISSION_KEY: Source.ADMISSION,
}


class Attributor:
    """Joins changes with the facts of the last minutes, and counts how each was attributed."""

    def __init__(
        self,
        facts: Facts,
        digest_key: bytes,
        journal: RetryingJournal,
        metrics: Metrics,
        clock: Callable[[], float],
        grace_seconds: float = 0.0,
    ) -> None:
        """`grace_seconds`: how long a change waits for audit, where a cluster delivers it."""
        self._facts = facts
        self._digest_key = digest_key
        self._metrics = metrics
        self._clock = clock
        self._grace_seconds = grace_seconds
        self.version_tracker = VersionTracker()
        self.audit_sources = AuditSources()
        self.correction_finder = CorrectionFinder(facts, clock)
        self.pending = PendingEntries(facts, journal, clock, self._resolved)

    async def run(self) -> None:
        """Resolve the entries that wait, those of the last process too, until cancelled."""
        await self.pending.resume(self._grace_seconds)
        await self.pending.run()

    def fact_added(self, fact: Fact) -> None:
        """A new fact was added to the facts."""
        with left_out("attribution", fact.cluster):
            self.pending.fact_added(fact)
            self.correction_finder.fact_added(fact)

    def listing(self, mark: ListStarted | ListCompleted) -> None:
        """A list begins or is complete."""
        if isinstance(mark, ListStarted):
            self.version_tracker.started(mark)
        else:
            self.version_tracker.completed(mark)

    def started_over(self, started: StartedOver) -> None:
        """Forget facts and versions of the old history: the new one gives its versions to other contents."""
        type_ = started.stream.type
        self._facts.forget(started.stream.cluster, type_.group, type_.resource)
        self.version_tracker.forget(started.stream)

    def seen(self, change: Change) -> None:
        """Remember the version of a change, after it was attributed."""
        self.version_tracker.note(change)

    def digest(self, change: Change) -> bytes:
        """The digest that joins a change to its request. May be called in a thread."""
        if change.origin is not Origin.LIVE:
            return NOT_COMPARABLE
        return evidence_digest(change.object, change.key, change.stream.type, self._digest_key)

    def attributed(self, change: Change, entry: Entry, digest: bytes) -> Entry:
        """The entry with its author, if it can be known now, or with the time until which it waits."""
        if change.origin is not Origin.LIVE:
            return entry
        now = self._clock()
        self._facts.expire(now)
        subject = self.version_tracker.subject(change, entry, digest)
        if subject is None:
            return entry
        until = now + self._grace_seconds if self.audit_sources.is_active(subject.cluster) else now
        attribution = resolve_or_wait(subject, self._facts, now, until)
        if attribution is None:
            # Admission facts are lost with the process, so what they say is stored with the entry. Audit
            # facts are durable by themselves; mixed in here, nobody could separate the two after a restart.
            early = admission_only(subject, self._facts)
            return msgspec.structs.replace(entry, subject=subject, attribution=early, waits_until=until)
        return msgspec.structs.replace(entry, subject=subject, attribution=attribution)

    def journaled(self, entries: Iterable[Entry]) -> None:
        """The journal has numbered these entries: those that wait begin to, the others are final."""
        for entry in entries:
            if entry.waits_until:
                self.pending.add(entry)
            elif entry.origin is Origin.LIVE:
                with left_out("attribution", entry.key):
                    self._finish(entry, entry.attribution)

    def _resolved(self, entry: Entry, attribution: Attribution) -> None:
        if SOURCES.get(attribution.evidence) is not Source.AUDIT:
            self.audit_sources.missed(entry.key.cluster)
        self._finish(entry, attribution)

    def _finish(self, entry: Entry, attribution: Attribution) -> None:
        cluster, evidence = entry.key.cluster, attribution.evidence
        self._metrics.count("attributions", cluster=cluster, evidence=evidence.value)
        if evidence in SOURCES:
            self._metrics.count("facts_joined", cluster=cluster, source=SOURCES[evidence].value)
        if entry.subject is not None:
            self._metrics.observe("attribution_seconds", max(0.0, self._clock() - entry.subject.seen_at))
        self.correction_finder.remember(entry, attribution)


class ManagerOnly:
    """The attributor where no webhook listens: the field manager is all that is known."""

    def listing(self, mark: ListStarted | ListCompleted) -> None:
        del mark

    def started_over(self, started: StartedOver) -> None:
        del started

    def seen(self, change: Change) -> None:
        del change

    def digest(self, _change: Change) -> bytes:
        return NOT_COMPARABLE

    def attributed(self, _change: Change, entry: Entry, _digest: bytes) -> Entry:
        return entry

    def journaled(self, entries: Iterable[Entry]) -> None:
        del entries
