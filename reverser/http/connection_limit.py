"""How many connections a listener may have at a time, and which one goes when there is one more.

A new connection is never refused: then whoever holds the limit with silent ones would keep the API
server out. It takes the place of the one that has been still for longest, where to be used is to
finish a handshake, to send the head of a request, and to be answered. An API server makes another
connection when an idle one was closed, and its requests take milliseconds; so the places that go
are those of clients that hold one and send nothing.
"""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
import trio

log = structlog.get_logger()

MOST = 512
"""An API server makes a connection for each review that is under way, up to its own limit of 200 writes."""
SHARE_OF_FILES = 4
"""At most one in so many of the files that the process may have open: the journal and git need some, too."""
LOG_SECONDS = 60.0


def limit() -> int:
    """For one listener of this process."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST if files < 0 else max(1, min(MOST, files // SHARE_OF_FILES))


class Connections:
    """The connections of one listener."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._slots: dict[Slot, None] = {}  # the one that has been still for longest is the first
        self._quiet_until = float("-inf")

    @contextmanager
    def slot(self) -> Iterator[Slot]:
        """A place of a new connection; what runs in the block is cancelled when the place goes to another."""
        if len(self._slots) >= self._most:
            self._end_one()
        slot = Slot(self)
        self._slots[slot] = None
        try:
            with slot.scope:
                yield slot
        finally:
            self._slots.pop(slot, None)

    def move_back(self, slot: Slot) -> None:
        """It was used last of all."""
        if slot in self._slots:
            del self._slots[slot]
            self._slots[slot] = None

    def _end_one(self) -> None:
        idlest = next(iter(self._slots))
        del self._slots[idlest]  # now: it ends only when its task has its turn
        idlest.scope.cancel()
        now = trio.current_time()
        if now >= self._quiet_until:
            self._quiet_until = now + LOG_SECONDS
            log.warning("too many connections, closing the one idle for longest", limit=self._most)


class Slot:
    """One connection's."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self.scope = trio.CancelScope()

    def used(self) -> None:
        """Others are to go before this one."""
        self._connections.move_back(self)
