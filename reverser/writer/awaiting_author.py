"""Holds back entries that wait for their author, and the entries that must stay behind them.

An entry stays behind another one only if both are about the same object or the same path. Every other entry
goes on at once.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Hashable, Iterable

from reverser.model.entry import Entry
from reverser.writer.deferred_entries import touched


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
