"""Gives live changes their author, from what the webhooks have told.

Admission precedes the write: the API server waits for our answer before it stores, so the fact is
there when the watch event comes, and nothing is waited for.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from reverser.intake.sightings import Sightings
from reverser.metrics import Metrics
from reverser.model.attribution import Attribution
from reverser.model.change import Change, ListCompleted, ListStarted, Origin
from reverser.model.entry import Entry
from reverser.stages.attribute import Facts, attribute
from reverser.stages.evidence import evidence_digest


class Attributor:
    """Joins changes with the facts of the last minutes."""

    def __init__(self, facts: Facts, digest_key: bytes, metrics: Metrics, clock: Callable[[], float]) -> None:
        self._facts = facts
        self._digest_key = digest_key
        self._metrics = metrics
        self._clock = clock
        self.sightings = Sightings()

    def listing(self, mark: ListStarted | ListCompleted) -> None:
        """A list begins or is complete."""
        if isinstance(mark, ListStarted):
            self.sightings.started(mark)
        else:
            self.sightings.completed(mark)

    def seen(self, change: Change) -> None:
        """Every change passes here, after it was attributed."""
        self.sightings.note(change)

    def attributed(self, change: Change, entry: Entry) -> Entry:
        """The entry with its author, if it can be known."""
        if change.origin is not Origin.LIVE:
            return entry
        self._facts.expire(self._clock())
        attribution = self._attribution(change, entry)
        self._metrics.count("attributions", cluster=change.key.cluster, evidence=attribution.evidence.value)
        return msgspec.structs.replace(entry, attribution=attribution)

    def _attribution(self, change: Change, entry: Entry) -> Attribution:
        digest = evidence_digest(change.object, change.key, change.stream.type, self._digest_key)
        subject = self.sightings.subject(change, entry, digest)
        return entry.attribution if subject is None else attribute(subject, self._facts)
