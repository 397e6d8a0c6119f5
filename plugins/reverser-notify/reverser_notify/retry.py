"""When to send, when to try again, when to give up. Pure: `now` is an argument."""

from __future__ import annotations

import email.utils
import random

LEAST_SECONDS = 0.5
MOST_SECONDS = 60.0
AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers that may be others later; each other one that is no success is final."""


class Pace:
    """Lets through a number of requests a minute, a tenth of them at once (at least one)."""

    def __init__(self, per_minute: int) -> None:
        self._gap = 60.0 / per_minute
        self._burst = max(0, per_minute // 10 - 1) * self._gap
        self._next = 0.0

    def wait(self, now: float) -> float:
        """Seconds to wait before the next request, which is counted."""
        free = max(self._next, now)
        self._next = free + self._gap
        return max(0.0, free - self._burst - now)


def backoff(failures: int, rng: random.Random) -> float:
    """Seconds to wait after so many failures in a row: exponential, full jitter."""
    return rng.uniform(LEAST_SECONDS / 2, min(MOST_SECONDS, LEAST_SECONDS * 2.0 ** min(failures, 16)))


def retry_after(value: str | None, now: float) -> float:
    """Seconds that `Retry-After` asks for, as a number or as a date; 0 without it. `now`: Unix seconds."""
    if not value:
        return 0.0
    if value.strip().isdecimal():
        return float(value.strip()[:9])
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - now)
    except (TypeError, ValueError, OverflowError):
        return 0.0
