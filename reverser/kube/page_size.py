"""How many objects the next page of a list has, by what the last one weighed. A pure machine.

An object may have 1.5 MB, and a page is in memory whole. So a list begins with a few objects, and takes
more at a time while they are small. The API asks for the same parameters on every page; servers are known to
take another limit, and one that does not gets the first limit from then on.
"""

from __future__ import annotations

from collections.abc import Sequence

AIM_BYTES = 16 * 1024 * 1024
FIRST = 20
MOST = 500
GROWTH = 4
"""How many times as many as the last page had, at most: what comes next may be heavier."""


class Pages:
    """The pages of one list."""

    def __init__(self) -> None:
        self.limit = FIRST
        self._steady = False

    def took(self, sizes: Sequence[int]) -> None:
        """A page has come, of objects of so many bytes."""
        if not sizes or self._steady:
            return
        fitting = AIM_BYTES * len(sizes) // max(1, sum(sizes))
        self.limit = max(1, min(fitting, GROWTH * self.limit, MOST))

    def refused(self) -> bool:
        """The server refuses a page; whether another limit is worth a try."""
        changed = self.limit != FIRST
        self.limit, self._steady = FIRST, True
        return changed
