"""How long to wait after a failure: exponential with full jitter, as a pure machine."""

from __future__ import annotations

import random

LEAST_SECONDS = 0.5
MOST_SECONDS = 30.0
FURTHEST = 16


class Backoff:
    """Waits grow with each failure in a row, and start over after a success."""

    def __init__(self, rng: random.Random | None = None) -> None:
        self._rng = rng or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._failures = 0

    def succeeded(self) -> None:
        """The next failure is the first again."""
        self._failures = 0

    def failed(self, retry_after: float | None = None) -> float:
        """Seconds to wait now; what the server asked for is the least."""
        self._failures = min(self._failures + 1, FURTHEST)
        most = min(MOST_SECONDS, LEAST_SECONDS * 2**self._failures)
        requested = 0.0 if retry_after is None else retry_after + self._rng.uniform(0, LEAST_SECONDS)
        return max(requested, self._rng.uniform(LEAST_SECONDS, most))
