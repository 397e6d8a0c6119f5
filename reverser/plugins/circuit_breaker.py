"""Failures in a row, and the pause that follows too many of them."""

from __future__ import annotations

FAILURES_MOST = 5
PAUSE_SECONDS = 300.0


class Streak:
    """Pure; `now` is an argument."""

    def __init__(self, pause_seconds: float = PAUSE_SECONDS) -> None:
        self._seconds = pause_seconds
        self._failures = 0
        self._until = 0.0

    @property
    def paused(self) -> bool:
        """Whether the last calls failed so often that the next waits."""
        return self._failures >= FAILURES_MOST

    def pause(self, now: float) -> float:
        """Seconds until the next call."""
        return max(0.0, self._until - now) if self.paused else 0.0

    def ended(self, now: float, *, well: bool) -> bool:
        """A call has ended; whether `paused` became another."""
        before = self.paused
        self._failures = 0 if well else self._failures + 1
        if self.paused:
            self._until = now + self._seconds
        return self.paused is not before
