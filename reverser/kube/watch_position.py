"""The position that one stream has reached, and whether connections still prove it. Pure.

Proof is a complete list, an event or a bookmark. An API server that was restored from a backup answers a
watch from a position that it has not reached yet with 200 and silence, so an answer proves nothing. A list
is due after connections that end without proof: at least two, over at least twice the time of silence.

Versions are compared only where they are numbers, and for a day not where they turned out to have no order:
some aggregated APIs number each object by itself.
"""

from __future__ import annotations

from collections import deque

from reverser.model.resource import NO_VERSION, number

LEAST_ENDS = 2
"""Connections that end without proof before a list is due; a single one is routine."""
MOST_REWINDS = 3
"""Times a day that versions may go back; beyond that this server's versions are taken to have no order."""
REWINDS_SECONDS = 24 * 3600.0
"""How long versions that went back are remembered: a server that is restored later on is noticed again."""


class WatchPosition:
    """The position of one stream, and what it rests on. Times are seconds of any steady clock."""

    def __init__(self, silence_seconds: float) -> None:
        self.position = ""
        """The resourceVersion of what was handed on last; empty: a list is due."""
        self._silence_seconds = silence_seconds
        self._unproven_since: float | None = None
        self._ends = 0
        self._highest = -1
        self._rewound_at = deque[float](maxlen=MOST_REWINDS)

    def begin(self, position: str) -> None:
        """Go on from a position that was kept; one that names no version is none."""
        self.position = "" if position in NO_VERSION else position
        self._note(self.position)

    def opened(self, now: float) -> None:
        """The server has answered a watch with 200."""
        if self._unproven_since is None:
            self._unproven_since = now

    def listed(self, position: str) -> None:
        """A list is complete: what was read before it is compared with nothing any more."""
        self.position = "" if position in NO_VERSION else position
        self._proven()
        self._highest = -1
        self._note(self.position)

    def moved(self, version: str) -> None:
        """An event or a bookmark was handed on."""
        self._proven()
        if self.position:
            self.position = version or self.position
            self._note(version)

    def ended(self, now: float) -> bool:
        """A connection that was answered has ended; whether that makes a list due."""
        if not self.position or self._unproven_since is None:
            return False
        self._ends += 1
        return self._ends >= LEAST_ENDS and now - self._unproven_since >= LEAST_ENDS * self._silence_seconds

    def behind(self, version: str, now: float) -> bool:
        """Whether a version of the server's lies before what was read already."""
        value = None if version in NO_VERSION else number(version)
        return value is not None and value < self._highest and not self._without_order(now)

    def void(self) -> None:
        """The position is worth nothing: a list is due."""
        self.position = ""
        self._proven()

    def start_over(self, now: float) -> None:
        """So are all versions that were read: the server's history is another one."""
        self.void()
        self._highest = -1
        self._rewound_at.append(now)

    def _without_order(self, now: float) -> bool:
        return len(self._rewound_at) == MOST_REWINDS and now - self._rewound_at[0] < REWINDS_SECONDS

    def _proven(self) -> None:
        self._unproven_since = None
        self._ends = 0

    def _note(self, version: str) -> None:
        self._highest = max(self._highest, number(version) or -1)
