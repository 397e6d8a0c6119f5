"""Builds one append of the journal from decisions, and knows each object's record after them.

An append holds one record for each object, that of the last decision: an object that went and came back
within a batch has a record. Every decision's entry is kept, in order.

`WithheldObjects` knows which objects are withheld, so that each is logged once and shown no longer than it
lasts.

The journal shows an object as withheld until its record is written or forgotten. Neither happens when the
object returns to the content that was written before, or goes without ever having been written;
`WithheldObjects` ends these cases.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import structlog

from reverser.intake.secret_warnings import SecretWarnings
from reverser.manifest.field_changes import unseen
from reverser.model.condition import Withheld
from reverser.model.entry import Append, Decision, Entry, KnownRecords, Record, RecordKey
from reverser.model.resource import ObjectKey

log = structlog.get_logger()

LOGGED_TOGETHER = ("PluginPaused",)
"""Reasons that concern very many objects, and are one line of their own."""


class WithheldObjects:
    """(destination, key) of every object that the intake knows to be withheld."""

    def __init__(self) -> None:
        self._reasons: dict[RecordKey, str] = {}

    def seed(self, rows: Iterable[Withheld]) -> None:
        """Take over what the journal shows."""
        self._reasons.update({(row.destination, row.key): row.reason for row in rows})

    def __iter__(self) -> Iterator[RecordKey]:
        return iter(self._reasons)

    def __contains__(self, record_key: RecordKey) -> bool:
        return record_key in self._reasons

    def among(self, places: Iterable[RecordKey]) -> list[RecordKey]:
        """Those of them that are withheld."""
        return [record_key for record_key in places if record_key in self._reasons]

    def begin(self, row: Withheld) -> None:
        """Log that the object is withheld, unless that was done."""
        record_key = (row.destination, row.key)
        if self._reasons.get(record_key) != row.reason:
            self._reasons[record_key] = row.reason
            write_line = log.debug if row.reason in LOGGED_TOGETHER else log.warning
            write_line("object withheld", object=str(row.key), reason=row.reason, message=row.message)

    def end(self, record_key: RecordKey) -> None:
        """The object is written, or has no file for another reason."""
        self._reasons.pop(record_key, None)


class AppendBuilder:
    """Collects decisions for one append, with the records that they are based on."""

    def __init__(
        self,
        known: KnownRecords,
        withheld_objects: WithheldObjects,
        secret_warnings: SecretWarnings | None = None,
    ) -> None:
        self._known: Mapping[RecordKey, Record | None] = known
        self._withheld_objects = withheld_objects
        self._secret_warnings = secret_warnings
        self._entries: list[Entry] = []
        self._records: dict[RecordKey, Record | None] = {}
        self._withheld_rows: dict[RecordKey, Withheld] = {}
        self.listing = ""
        self.positions: dict[str, str] = {}
        self.coverages: dict[str, str] = {}
        self.settings: dict[str, str] = {}

    def record(self, destination: str, key: ObjectKey) -> Record | None:
        """What the journal will know of an object; None: it has no file."""
        record_key = (destination, key)
        return self._records[record_key] if record_key in self._records else self._known.get(record_key)

    def add(self, destination: str, key: ObjectKey, decision: Decision) -> None:
        """Take in what was decided about one object."""
        record_key = (destination, key)
        if self._secret_warnings is not None:
            self._secret_warnings.note(record_key, () if decision.forget else decision.suspicions)
        if decision.entry is not None:
            self._entries.append(decision.entry)
        if decision.withheld is not None:
            self._withheld_objects.begin(decision.withheld)
            self._withheld_rows[record_key] = decision.withheld
            self._unseen(record_key)
        elif decision.record is not None or decision.forget:
            self._settle(record_key, decision.record)
        elif record_key in self._withheld_objects:
            self._settle(record_key, self.record(destination, key))

    def _settle(self, record_key: RecordKey, record: Record | None) -> None:
        self._records[record_key] = record
        self._withheld_rows.pop(record_key, None)
        self._withheld_objects.end(record_key)

    def _unseen(self, record_key: RecordKey) -> None:
        """What the object became is written nowhere: its next commit must not claim it for its author."""
        if record := unseen(self.record(*record_key)):
            self._records[record_key] = record

    def withhold(self, row: Withheld) -> None:
        """Leave an object out: what was decided about it cannot be stored, nor, the second time, that."""
        record_key = (row.destination, row.key)
        entries = [each for each in self._entries if (each.destination, each.key) != record_key]
        only_withheld = (
            record_key in self._withheld_rows
            and record_key not in self._records
            and len(entries) == len(self._entries)
        )
        self._entries = entries
        self._records.pop(record_key, None)
        if record_key not in self._withheld_rows:
            self._unseen(record_key)
        self._withheld_objects.begin(row)
        if only_withheld:
            del self._withheld_rows[record_key]
        else:
            self._withheld_rows[record_key] = row

    @property
    def empty(self) -> bool:
        """Whether there is nothing to make durable, as while lists run."""
        return not any(
            (
                self._entries,
                self._records,
                self._withheld_rows,
                self.listing,
                self.positions,
                self.coverages,
                self.settings,
            )
        )

    def build(self) -> Append:
        """One transaction with everything that was added."""
        return Append(
            listing=self.listing,
            entries=self._entries,
            records=[record for record in self._records.values() if record is not None],
            forgotten=[record_key for record_key, record in self._records.items() if record is None],
            withheld=list(self._withheld_rows.values()),
            positions=self.positions,
            coverages=self.coverages,
            settings=self.settings,
        )
