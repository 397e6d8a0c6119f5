"""Reads several audit logs side by side and returns their writes in order.

The log that is furthest behind is read next: logs of several API servers are merged by time, and rotated logs
follow each other. The position of a log moves on only when every write before it has been returned, so
whoever continues from it misses none.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from reverser.attribution.audit_event import decode_event
from reverser.attribution.audit_fact import seconds
from reverser.attribution.payloads import UndecodableError
from reverser.replay.event_writes import Wants, leftover, writes
from reverser.replay.log_file import AuditLog, Line, LogPosition
from reverser.replay.order import WriteOrder
from reverser.replay.resource_types import LoggedTypes
from reverser.replay.write import MICROSECONDS, LogRecord

LOG = "log/"
"""Prefix of the journal's facts on logs."""
CHUNK_LINES = 200
BATCH = 500
BATCH_BYTES = CHUNK_BYTES = 8 * 1024 * 1024
"""Of lines as they are in the log: of a batch, and of what is read at a time."""
TURN_LINES = 4000
"""Lines that are read at most before the positions are returned."""


class WriteBatch(msgspec.Struct, frozen=True):
    """What comes next."""

    writes: Sequence[LogRecord]
    positions: Mapping[str, str]
    """Facts for the journal: valid once these writes are in it."""


class _Slot:
    """A line whose writes are not all handed out."""

    def __init__(self, start: LogPosition, remaining: int, size: int = 0) -> None:
        """`size`: bytes of the line, for each of its writes."""
        self.start = start
        self.remaining = remaining
        self.size = size


class _Source:
    """One log on its way."""

    def __init__(self, log: AuditLog) -> None:
        self.log = log
        self.at: float = float("-inf")
        """Microseconds: the newest event so far."""
        self.begun = False
        self.ended = False
        self.slots: deque[_Slot] = deque()

    @property
    def position(self) -> LogPosition:
        while self.slots and not self.slots[0].remaining:
            self.slots.popleft()
        return self.slots[0].start if self.slots else self.log.position


class AuditLogs:
    """All logs of one replay. Synchronous; used by one thread at a time."""

    def __init__(self, paths: Iterable[str], types: LoggedTypes, wants: Wants) -> None:
        self._sources = [_Source(AuditLog(path)) for path in paths]
        self._types = types
        self._wants = wants
        self._order: WriteOrder[_Slot] = WriteOrder()
        self._coverage = ""
        self.counts: Counter[str] = Counter()
        """Lines: read, quiet, unselected, unreadable, unfinished."""

    def resume(self, positions: Mapping[str, str], coverage: str) -> None:
        """Go on from stored positions; `coverage` is the configuration that they are valid for."""
        self._coverage = coverage
        for source in self._sources:
            saved = positions.get(LOG + source.log.identity, "").split()
            if len(saved) == 3 and saved[2] == coverage and saved[0].isdecimal() and saved[1].isdecimal():
                source.log.seek(LogPosition(int(saved[0]), int(saved[1])))

    def next(self) -> WriteBatch | None:
        """The next writes, which may be none for now; None at the end of all logs."""
        ready: list[tuple[LogRecord, _Slot]] = []
        size = 0
        for _ in range(TURN_LINES // CHUNK_LINES):
            sorted_writes = self._order.ready(self._until, BATCH - len(ready), BATCH_BYTES - size)
            ready += sorted_writes
            size += sum(slot.size for _, slot in sorted_writes)
            source = self._lagging
            if len(ready) >= BATCH or size >= BATCH_BYTES or source is None:
                break
            self._advance(source)
        if not ready and self._lagging is None:
            return None
        for _, slot in ready:
            slot.remaining -= 1
        return WriteBatch([write for write, _ in ready], self._positions())

    @property
    def held_bytes(self) -> int:
        """Bytes of lines that have been read and whose writes are not handed out."""
        return self._order.size

    @property
    def damage(self) -> list[str]:
        """What is wrong with whole files."""
        return [f"{source.log.path}: {source.log.damage}" for source in self._sources if source.log.damage]

    @property
    def progress(self) -> tuple[str, float]:
        """(the log that is read now, how much of it has been read)."""
        source = self._lagging or self._sources[-1]
        return source.log.path, source.log.part

    def close(self) -> None:
        for source in self._sources:
            source.log.close()

    @property
    def _lagging(self) -> _Source | None:
        """Of logs that are equally far the first, so that rotated ones keep their order."""
        reading = [source for source in self._sources if not source.ended]
        return min(reading, key=lambda source: source.at, default=None)

    @property
    def _until(self) -> float:
        return min((source.at for source in self._sources if not source.ended), default=float("inf"))

    def _advance(self, source: _Source) -> None:
        """One line at first: then it is known how far this log is from the others."""
        lines = source.log.lines(CHUNK_LINES if source.begun else 1, CHUNK_BYTES)
        source.begun = True
        source.ended = not lines
        for line in lines:
            self._line(source, line)
        self.counts["unreadable"] += source.log.too_long
        source.log.too_long = 0

    def _line(self, source: _Source, line: Line) -> None:
        self.counts["read"] += 1
        try:
            event = decode_event(line.text)
            source.at = max(source.at, seconds(event.stage_timestamp) * MICROSECONDS)
            outcome = writes(event, self._types, self._wants)
        except UndecodableError:
            self._unreadable(source, line)
            return
        records = outcome if isinstance(outcome, tuple | None) else (outcome,)
        if not records:
            self.counts["quiet" if records is None else "unselected"] += 1
            return
        self._hold(source, line, records)

    def _hold(self, source: _Source, line: Line, records: Sequence[LogRecord]) -> None:
        slot = _Slot(line.start, len(records), len(line.text) // len(records))
        source.slots.append(slot)
        for write in records:
            self._order.add(write, slot, slot.size)

    def _unreadable(self, source: _Source, line: Line) -> None:
        """A last line without an end is looked at again when the log has grown."""
        if line.complete:
            self.counts["unreadable"] += 1
            at = max(source.at, 0.0)
            if lost := leftover(line.text, self._types, self._wants, at):
                self._hold(source, line, (lost,))
        else:
            self.counts["unfinished"] += 1
            source.slots.append(_Slot(line.start, 1))

    def _positions(self) -> dict[str, str]:
        named = (source for source in self._sources if source.log.identity)
        return {
            LOG + source.log.identity: f"{source.position.offset} {source.position.checksum} {self._coverage}"
            for source in named
        }
