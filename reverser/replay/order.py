"""Sorts the writes of audit logs into the order in which they happened. Pure.

An API server logs a write when it has answered, so two writes of one moment may stand in the wrong order,
and those of two API servers stand in two logs. So a few seconds of the log are held back. Writes leave by
time; which of an object's writes leaves at the time of one of them is decided by the version, where there is
one.
"""

from __future__ import annotations

import heapq
import itertools
from collections import defaultdict
from typing import Generic, TypeVar

from reverser.replay.known_writes import object_id_of
from reverser.replay.write import MICROSECONDS, EmptiedNamespace, LogRecord

SPAN_SECONDS = 5
MOST = 5000
"""Writes that are held back at most: a burst of more than a thousand a second is less well sorted."""
MOST_BYTES = 16 * 1024 * 1024
"""The same in bytes, as the log has them; decoded they take up to five times as much."""

T = TypeVar("T")


class WriteOrder(Generic[T]):
    """The writes that are held back, each with a note of the caller's."""

    def __init__(
        self, span_seconds: int = SPAN_SECONDS, most: int = MOST, most_bytes: int = MOST_BYTES
    ) -> None:
        self._span = span_seconds * MICROSECONDS
        self._most = most
        self._most_bytes = most_bytes
        self._bytes = 0
        self._slots: list[tuple[int, int, str]] = []
        self._waiting: dict[str, list[tuple[int, int, LogRecord, T, int]]] = defaultdict(list)
        self._numbers = itertools.count()

    @property
    def size(self) -> int:
        """Bytes that are held back."""
        return self._bytes

    def __len__(self) -> int:
        return len(self._slots)

    def add(self, write: LogRecord, note: T, size: int = 0) -> None:
        """Add a write of so many bytes."""
        number, object_id = next(self._numbers), object_id_of(write)
        heapq.heappush(self._slots, (write.at, number, object_id))
        self._waiting[object_id].append((write.at, number, write, note, size))
        self._bytes += size

    def ready(self, until: float, most: int, most_bytes: float = float("inf")) -> list[tuple[LogRecord, T]]:
        """At most so many writes, or so many bytes, when all that happened before `until` was added."""
        writes: list[tuple[LogRecord, T]] = []
        enough = self._bytes - most_bytes
        while self._slots and len(writes) < most and self._bytes > enough:
            full = len(self._slots) > self._most or self._bytes > self._most_bytes
            if self._slots[0][0] > until - self._span and not full:
                break
            writes.append(self._pop(heapq.heappop(self._slots)[2]))
        return writes

    def _pop(self, object_id: str) -> tuple[LogRecord, T]:
        waiting = self._waiting[object_id]
        chosen = min(waiting, key=lambda each: each[:2])
        if _version(chosen[2]):
            versioned = (each for each in waiting if _version(each[2]))
            chosen = min(versioned, key=lambda each: (_version(each[2]), each[1]))
        waiting.remove(chosen)
        if not waiting:
            del self._waiting[object_id]
        self._bytes -= chosen[4]
        return chosen[2], chosen[3]


def _version(record: LogRecord) -> int:
    return 0 if isinstance(record, EmptiedNamespace) else record.version
