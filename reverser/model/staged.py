"""What a list has brought so far: put aside, out of everybody's sight, until the list is complete."""

from __future__ import annotations

import msgspec

from reverser.model.entry import Entry, Record
from reverser.model.resource import ObjectKey


class Outcome(msgspec.Struct, frozen=True):
    """What one object of a list means for one destination."""

    destination: str
    key: ObjectKey
    entry: Entry
    record: Record | None
    """What the journal will know of the object; None: it has no file any more."""


class Staged(msgspec.Struct, frozen=True):
    """One addition to what a list has brought."""

    void: tuple[ObjectKey, ...] = ()
    """Objects of which nothing counts any more that was put aside before."""
    outcomes: tuple[Outcome, ...] = ()
