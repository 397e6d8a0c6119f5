"""Which objects are withheld, so that none is shown any longer than it lasts, or told twice.

The journal shows a withheld object until its record is written or forgotten. One that is back to
what was written before brings neither, and neither does one that was never written and went.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import structlog

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
        """Tell of it, unless that has been done."""
        place = (row.destination, row.key)
        if self._reasons.get(place) != row.reason:
            self._reasons[place] = row.reason
            told = log.debug if row.reason in TOLD_TOGETHER else log.warning
            told("object withheld", object=str(row.key), reason=row.reason, why=row.message)

    def end(self, place: tuple[str, ObjectKey]) -> None:
        """The object is written, or has no file for another reason."""
        self._reasons.pop(place, None)
