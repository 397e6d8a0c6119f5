"""How long to wait after a failure: exponential back-off with full jitter. Pure: the caller waits.

The range doubles with each failure in a row, and the wait is a random time within it, so that many who failed
at the same moment do not come back together.
"""

from __future__ import annotations

import random

DOUBLINGS_MOST = 16


class Backoff:
    """The waits of one caller: they grow with each failure in a row, and start over after a success."""

    def __init__(
        self,
        least_seconds: float,
        most_seconds: float,
        rng: random.Random | None = None,
    ) -> None:
        """`least_seconds` and `most_seconds` bound every wait, but for what a server requests."""
        self._least = least_seconds
        self._most = most_seconds
        self._rng = rng or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._failures = 0

    def succeeded(self) -> None:
        """The next failure is the first again."""
        self._failures = 0

    def failed(self, retry_after: float | None = None) -> float:
        """Seconds to wait now; what the server requested is the least."""
        self._failures = min(self._failures + 1, DOUBLINGS_MOST)
        most = min(self._most, self._least * 2**self._failures)
        requested = 0.0 if retry_after is None else retry_after + self._rng.uniform(0, self._least)
        return max(requested, self._rng.uniform(self._least, most))
