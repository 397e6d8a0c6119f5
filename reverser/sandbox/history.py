"""What happened to the objects of one type, in order.

An event shares its bytes with the object that was stored, so that a long history costs little
beyond the old versions themselves. Watches read on from their own position and park here until
something is appended; they are never handed anything.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from operator import attrgetter

import msgspec
import trio

from reverser.sandbox.refusal import expired


class Stored(msgspec.Struct, frozen=True):
    """One version of one object."""

    namespace: str
    name: str
    revision: int
    """Its resourceVersion."""
    labels: Mapping[str, str]
    body: bytes
    """JSON without `kind` and `apiVersion`, so that every served version can put its own in front."""


class Event(msgspec.Struct, frozen=True):
    """One step from `before` to `now`."""

    type: str
    """ADDED, MODIFIED or DELETED."""
    now: Stored
    """For DELETED: the last state, with the resourceVersion of the deletion."""
    before: Stored | None = None


class History:
    """The events of one type after `floor`, the revision at which it came to be."""

    def __init__(self, floor: int) -> None:
        self.closed = False
        """The type is no longer served: nothing will follow."""
        self._floor = floor
        self._events: list[Event] = []
        self._readers = trio.lowlevel.ParkingLot()

    def append(self, event: Event) -> None:
        """Add the newest event."""
        self._events.append(event)
        self._wake()

    def check_start(self, revision: int) -> None:
        """Refuse with Expired when a watch cannot start at `revision`."""
        if revision < self._floor:
            raise expired(revision, self._floor)

    def after(self, revision: int) -> list[Event]:
        """The events above `revision`."""
        if not self._events or self._events[-1].now.revision <= revision:
            return []
        return self._events[bisect_right(self._events, revision, key=attrgetter("now.revision")) :]

    def close(self) -> None:
        """Nothing will follow: watches end once they have read all."""
        self.closed = True
        self._wake()

    async def wait(self) -> None:
        """Return when there may be something new."""
        await self._readers.park()

    def _wake(self) -> None:
        """Let every watch look again."""
        self._readers.unpark_all()
