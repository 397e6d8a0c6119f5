"""Bounds how many of a kind run at once, so that hundreds of destinations do not all begin in one moment.

They begin in the order in which they ask. One that runs for long (a large transfer, a remote that gives
no answer) goes on, and another one may begin in its stead: it never holds others up for longer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio


class Turns:
    """So many at once, of those that have not run for long."""

    def __init__(self, at_once: int, most_seconds: float) -> None:
        self._at_once = at_once
        self._most_seconds = most_seconds
        self._began_at: dict[object, float] = {}
        """Of each that runs, in the order of their beginning."""
        self._door = trio.Lock()
        """Held by whoever begins next; its queue is the order."""
        self._ended = trio.Event()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn, and hold it inside the block."""
        async with self._door:
            while len(recent := self._recent()) >= self._at_once:
                with trio.move_on_at(recent[0] + self._most_seconds):
                    await self._ended.wait()
        mine = object()
        self._began_at[mine] = trio.current_time()
        try:
            yield
        finally:
            del self._began_at[mine]
            self._ended.set()
            self._ended = trio.Event()

    def _recent(self) -> list[float]:
        since = trio.current_time() - self._most_seconds
        return [began for began in self._began_at.values() if began > since]
