"""Builds one append of the journal from decisions, and knows each object's record after them.

An append holds one record for each object, that of the last decision: an object that went and came back
within a batch has a record. Every decision's entry is kept, in order.

`Withholding` knows which objects are withheld, so that each is logged once and shown no longer than it
lasts.

The journal shows an object as withheld until its record is written or forgotten. Neither happens when the
object returns to the content that was written before, or goes without ever having been written; `Withholding`
ends these cases.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import structlog

from reverser.intake.secret_warnings import Suspects
from reverser.manifest.field_changes import unseen
from reverser.model.decision import Decision
from reverser.model.entry import Append, Entry, KnownRecords, Record, RecordKey
from reverser.model.resource import ObjectKey
from reverser.model.withheld import Withheld

log = structlog.get_logger()

TOLD_TOGETHER = ("PluginPaused",)
"""Reasons that concern very many objects, and are one line of their own."""


class Withholding:
    """(destination, key) of every object that the intake knows to be withheld."""

    def __init__(self) -> None:
        self._reasons: dict[tuple[str, ObjectKey], str] = {}

    def seed(self, rows: Iterable[Withheld]) -> None:
        """Take over what the journal shows."""
        self._reasons.update({(row.destination, row.key): row.reason for row in rows})

    def __iter__(self) -> Iterator[tuple[str, ObjectKey]]:
        return iter(self._reasons)

    def __contains__(self, place: tuple[str, ObjectKey]) -> bool:
        return place in self._reasons

    def among(self, places: Iterable[tuple[str, ObjectKey]]) -> list[tuple[str, ObjectKey]]:
        """Those of them that are withheld."""
        return [place for place in places if place in self._reasons]

    def begin(self, row: Withheld) -> None:
        """Log that the object is withheld, unless that was done."""
        place = (row.destination, row.key)
        if self._reasons.get(place) != row.reason:
            self._reasons[place] = row.reason
            told = log.debug if row.reason in TOLD_TOGETHER else log.warning
            told("object withheld", object=str(row.key), reason=row.reason, message=row.message)

    def end(self, place: tuple[str, ObjectKey]) -> None:
        """The object is written, or has no file for another reason."""
        self._reasons.pop(place, None)


class AppendBuilder:
    """Collects decisions for one append, with the records that they are based on."""

    def __init__(
        self, known: KnownRecords, withholding: Withholding, suspects: Suspects | None = None
    ) -> None:
        self._known: Mapping[RecordKey, Record | None] = known
        self._withholding = withholding
        self._suspects = suspects
        self._entries: list[Entry] = []
        self._records: dict[RecordKey, Record | None] = {}
        self._withheld: dict[RecordKey, Withheld] = {}
        self.listing = ""
        self.positions: dict[str, str] = {}
        self.coverages: dict[str, str] = {}
        self.settings: dict[str, str] = {}

    def record(self, destination: str, key: ObjectKey) -> Record | None:
        """What the journal will know of an object; None: it has no file."""
        place = (destination, key)
        return self._records[place] if place in self._records else self._known.get(place)

    def add(self, destination: str, key: ObjectKey, decision: Decision) -> None:
        """Take in what was decided about one object."""
        place = (destination, key)
        if self._suspects is not None:
            self._suspects.note(place, () if decision.forget else decision.suspicions)
        if decision.entry is not None:
            self._entries.append(decision.entry)
        if decision.withheld is not None:
            self._withholding.begin(decision.withheld)
            self._withheld[place] = decision.withheld
            self._unseen(place)
        elif decision.record is not None or decision.forget:
            self._settle(place, decision.record)
        elif place in self._withholding:
            self._settle(place, self.record(destination, key))

    def _settle(self, place: RecordKey, record: Record | None) -> None:
        self._records[place] = record
        self._withheld.pop(place, None)
        self._withholding.end(place)

    def _unseen(self, place: RecordKey) -> None:
        """What the object became is written nowhere: its next commit must not claim it for its author."""
        if record := unseen(self.record(*place)):
            self._records[place] = record

    def withholds(self, place: RecordKey) -> bool:
        """Whether this append withholds the object."""
        return place in self._withheld

    def withhold(self, row: Withheld) -> None:
        """Leave an object out: what was decided about it cannot be stored, nor, the second time, that."""
        place = (row.destination, row.key)
        entries = [each for each in self._entries if (each.destination, each.key) != place]
        told = place in self._withheld and place not in self._records and len(entries) == len(self._entries)
        self._entries = entries
        self._records.pop(place, None)
        if place not in self._withheld:
            self._unseen(place)
        self._withholding.begin(row)
        if told:
            del self._withheld[place]
        else:
            self._withheld[place] = row

    @property
    def empty(self) -> bool:
        """Whether there is nothing to make durable, as while lists run."""
        return not any(
            (
                self._entries,
                self._records,
                self._withheld,
                self.listing,
                self.positions,
                self.coverages,
                self.settings,
            )
        )

    def append(self) -> Append:
        """The transaction of all that was taken in."""
        return Append(
            listing=self.listing,
            entries=self._entries,
            records=[record for record in self._records.values() if record is not None],
            forgotten=[place for place, record in self._records.items() if record is None],
            withheld=list(self._withheld.values()),
            positions=self.positions,
            coverages=self.coverages,
            settings=self.settings,
        )
