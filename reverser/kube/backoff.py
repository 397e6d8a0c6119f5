"""How long to wait after a failure: exponential with full jitter, as a pure machine."""

from __future__ import annotations

import random

FIRST_SECONDS = 0.5
MOST_SECONDS = 30.0


class Backoff:
    """Waits grow with each failure in a row, and start over after a success."""

    def __init__(self, rng: random.Random | None = None) -> None:
        self._rng = rng or random.Random()  # noqa: S311 spreads load, guards nothing
        self._failures = 0

    def succeeded(self) -> None:
        """The next failure is the first again."""
        self._failures = 0

    def failed(self, retry_after: float | None = None) -> float:
        """Seconds to wait now; what the server asked for is the least."""
        most = min(MOST_SECONDS, FIRST_SECONDS * 2**self._failures)
        self._failures = min(self._failures + 1, 16)
        return (retry_after or 0.0) + self._rng.uniform(most / 2 if retry_after is None else 0.0, most)
