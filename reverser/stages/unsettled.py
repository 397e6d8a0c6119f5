"""Entries that wait for their author, and what must not overtake them.

Nothing but the order of one object's entries, and of entries that touch one path, makes an entry
wait for another: whatever is settled and touches nothing of what waits goes on at once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable

from reverser.model.entry import Entry
from reverser.stages.aside import touched


class Unsettled:
    """A machine without clock or I/O: entries in, in the journal's order; out come those that may go on."""

    def __init__(self) -> None:
        self._held: dict[int, Entry] = {}
        self._touched: Counter[Hashable] = Counter()

    @property
    def waiting(self) -> list[int]:
        """`seq` of those that wait for their author; what waits for nothing but them is not told."""
        return [seq for seq, entry in self._held.items() if entry.waits_until]

    def feed(self, entries: Iterable[Entry]) -> list[Entry]:
        """Take entries, each once; those that wait for nothing come back."""
        free = []
        for entry in entries:
            if not entry.waits_until and not any(place in self._touched for place in touched(entry)):
                free.append(entry)
            else:
                self._held[entry.seq] = entry
                self._touched.update(touched(entry))
        return free

    def settle(self, settled: Iterable[Entry]) -> list[Entry]:
        """Entries with their final attribution take their places; those that may go on come back."""
        self._held |= {entry.seq: entry for entry in settled}
        held, self._held, self._touched = self._held, {}, Counter()
        return self.feed(held.values())
