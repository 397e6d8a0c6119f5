"""Pending entries in, commit plans out: what the next push will carry.

Everything that is pending is taken at once, so one push carries whatever came while the last one was in
flight. A snapshot is read to its end and becomes one commit; only a very large one is cut, to bound memory.
An entry is delayed only when the user asked for a window or a push interval, or when its author may still
become known.
"""

from __future__ import annotations

import trio

from reverser.model.change import Origin
from reverser.model.commit import CommitPlan
from reverser.model.entry import Entry
from reverser.writer.destination_context import DestinationContext
from reverser.writer.held_entries import AwaitingAuthor
from reverser.writer.push_pacing import PushPacing
from reverser.writer.window import Window

CHUNK = 1000
SNAPSHOT_BYTES_MOST = 16 * 1024 * 1024
SNAPSHOT_ENTRIES_MOST = 4_000
"""An entry takes some kilobytes beside its content, until its commit is pushed."""
HELD_BYTES_MOST = 64 * 1024 * 1024
NEVER = 2**62
"""No entry has so high a number."""


class Queue:
    """The plans of one destination, in journal order."""

    def __init__(self, context: DestinationContext) -> None:
        self._journal = context.journal
        self._destination = context.name
        self._seconds = context.window_seconds, context.excluded_seconds
        self._pace = context.push_seconds, context.destination.push_commits
        self._clock = context.clock
        self._draining = False
        self._waiting = trio.CancelScope()
        self.restart()

    def restart(self, after: int = 0) -> None:
        """Read the journal from its start: it is not certain that entries handed out before have landed.

        `after`: the number of the last entry that is left to somebody else.
        """
        self._window = Window(*self._seconds)
        self._pacing = PushPacing(*self._pace)
        self._awaiting = AwaitingAuthor()
        self._after = after

    def drain(self) -> None:
        """Hand out what is there, also what windows and pushes wait for, and end."""
        self._draining = True
        self._waiting.cancel()

    async def next(self) -> list[CommitPlan]:
        """The next plans, at least one; none at all when draining and nothing is left."""
        while True:
            self._window.feed(await self._attributed(), self._clock())
            now = self._clock()
            plans = self._pacing.feed(self._window.ready(now), now)
            if self._draining and not plans:
                plans = self._pacing.flush()
            if self._draining and not plans and not self._awaiting.waiting:
                return self._window.flush()
            if plans:
                return plans
            await self._wait()

    async def _attributed(self) -> list[Entry]:
        """Entries that do not wait for an author: first of those read before, then of new ones."""
        waiting = self._awaiting.waiting
        attributed = await self._journal.attributed_entries(waiting) if waiting else []
        free = self._awaiting.resolve(attributed) if attributed else []
        return free + self._awaiting.feed(await self._read() if self._has_room else [])

    @property
    def _has_room(self) -> bool:
        """Whether there is room in memory for more entries that wait for their author."""
        return self._awaiting.size < HELD_BYTES_MOST

    async def _read(self) -> list[Entry]:
        entries = await self._journal.pending(self._destination, after=self._after, limit=CHUNK)
        more, size = entries, _content_bytes(entries)
        while more and more[-1].origin is Origin.SNAPSHOT and _may_grow(entries, size):
            more = await self._journal.pending(self._destination, after=more[-1].seq, limit=CHUNK)
            entries += more
            size += _content_bytes(more)
        if entries:
            self._after = entries[-1].seq
        return entries

    async def _wait(self) -> None:
        ends = [at for at in (self._window.deadline(), self._pacing.deadline()) if at is not None]
        seconds = max(0.0, min(ends) - self._clock()) if ends else float("inf")
        with trio.CancelScope(deadline=trio.current_time() + seconds) as self._waiting:
            waiting, after = self._awaiting.waiting, self._after if self._has_room else NEVER
            await self._journal.wait(self._destination, after=after, waiting=waiting)


def _may_grow(entries: list[Entry], size: int) -> bool:
    """Whether a snapshot of so many entries and bytes may grow."""
    return len(entries) < SNAPSHOT_ENTRIES_MOST and size < SNAPSHOT_BYTES_MOST


def _content_bytes(entries: list[Entry]) -> int:
    return sum(entry.edit.size for entry in entries)
