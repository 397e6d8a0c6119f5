"""Holds entries back until they may be committed: those that wait for their author, and excluded ones.

`AwaitingAuthor` holds entries whose author may still become known, and what must stay behind them: an entry
stays behind another one only if both are about the same object or the same path. Every other entry goes on
at once.

`DeferredEntries` holds excluded entries until a commit of their object takes them along, or their wait ends.
They are committed together when the oldest has waited for the given seconds, or when there are very many.
Until then `fold` lets the next commit of the same object take them along. Any other entry of their object, or
of one of their paths, must come after them; `window` asks for that and keeps the order. The commit that takes
them along does not wait longer than they may, whatever the destination's window is. The wait counts from the
journal's time, so neither a restart nor a dead remote begins it anew.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from collections.abc import Hashable, Iterable

from reverser.model.entry import Entry
from reverser.select.rules import excluded


class AwaitingAuthor:
    """A machine without clock or I/O: entries in, in the journal's order; out come those that may go on."""

    def __init__(self) -> None:
        self._held: dict[int, Entry] = {}
        self._waiting: dict[int, None] = {}
        self._lines: dict[Hashable, deque[int]] = {}
        """Object or path -> the held entries that touch it, in their order: the first may go on."""
        self.size = 0
        """Bytes that are held."""

    @property
    def waiting(self) -> list[int]:
        """`seq` of those that wait for their author; what waits for nothing but them is not in it."""
        return [*self._waiting]

    def feed(self, entries: Iterable[Entry]) -> list[Entry]:
        """Take entries, each once; those that wait for nothing come back."""
        free = []
        for entry in entries:
            if not entry.waits_until and not any(key in self._lines for key in touched(entry)):
                free.append(entry)
            else:
                self._hold(entry)
        return free

    def resolve(self, attributed: Iterable[Entry]) -> list[Entry]:
        """Take entries with their final attribution; those that may go on come back."""
        ready, free = list[int](), list[Entry]()
        for entry in attributed:
            self._held[entry.seq] = entry
            del self._waiting[entry.seq]
            heapq.heappush(ready, entry.seq)
        while ready:
            seq = heapq.heappop(ready)
            if seq in self._held and self._may_go(self._held[seq]):
                entry, followers = self._release(seq)
                free.append(entry)
                for follower in followers:
                    heapq.heappush(ready, follower)
        return free

    def _hold(self, entry: Entry) -> None:
        self._held[entry.seq] = entry
        self.size += entry.edit.size
        if entry.waits_until:
            self._waiting[entry.seq] = None
        for key in {*touched(entry)}:
            self._lines.setdefault(key, deque()).append(entry.seq)

    def _may_go(self, entry: Entry) -> bool:
        return not entry.waits_until and all(self._lines[key][0] == entry.seq for key in touched(entry))

    def _release(self, seq: int) -> tuple[Entry, list[int]]:
        """The entry, and who is now the first of those that touch the same."""
        entry, followers = self._held.pop(seq), list[int]()
        self.size -= entry.edit.size
        for key in {*touched(entry)}:
            line = self._lines[key]
            line.popleft()
            if line:
                followers.append(line[0])
            else:
                del self._lines[key]
        return entry, followers


ENTRIES_MOST = 1000
BYTES_MOST = 16 * 1024 * 1024
"""Of what is held in memory; with either reached everything is released."""


class DeferredEntries:
    """The excluded entries of one destination that have no commit yet, in the journal's order."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._held: list[tuple[float, Entry]] = []
        """(when it is due, entry)"""
        self._touched: Counter[Hashable] = Counter()
        self._bytes = 0

    @property
    def due(self) -> float | None:
        """When everything here is to be released; None while nothing is."""
        return min((due for due, _ in self._held), default=None)

    @property
    def full(self) -> bool:
        return len(self._held) >= ENTRIES_MOST or self._bytes >= BYTES_MOST

    def hold(self, entry: Entry, now: float) -> None:
        """Keep an excluded entry."""
        self._held.append((journaled_at(entry, now) + self._seconds, entry))
        self._touched.update(touched(entry))
        self._bytes += entry.edit.size

    def blocks(self, entry: Entry) -> bool:
        """Whether something here must go before this entry."""
        return any(key in self._touched for key in touched(entry))

    def take(self, entry: Entry) -> tuple[Entry, ...]:
        """Hand out what the commit of this entry takes along: all of its object, or nothing.

        Nothing, too, when a path of theirs belongs to another object here: its order would change.
        """
        if not self.blocks(entry):
            return ()
        same = [each for _, each in self._held if each.key == entry.key]
        keys = Counter(key for each in same for key in touched(each))
        alone = all(self._touched[key] == keys[key] for key in {*keys, *touched(entry)})
        if not alone or not all(excluded(each) == "fold" for each in same):
            return ()
        self._replace_held(row for row in self._held if row[1].key != entry.key)
        return tuple(same)

    def release(self) -> tuple[Entry, ...]:
        """Hand out everything."""
        if not self._held:
            return ()
        entries = tuple(entry for _, entry in self._held)
        self._replace_held(())
        return entries

    def _replace_held(self, rows: Iterable[tuple[float, Entry]]) -> None:
        self._held = list(rows)
        self._touched = Counter(key for _, entry in self._held for key in touched(entry))
        self._bytes = sum(entry.edit.size for _, entry in self._held)


def journaled_at(entry: Entry, now: float) -> float:
    """When an entry came into the journal; `now` at the latest, as the clock may have been set back."""
    return min(now, entry.appended_at) if entry.appended_at else now


def touched(entry: Entry) -> tuple[Hashable, ...]:
    """The object and the paths that an entry is about."""
    paths = (entry.edit.path, entry.previous_path)
    return (entry.key, *(path for path in paths if path))
