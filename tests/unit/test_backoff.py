"""Waits after failures."""

from __future__ import annotations

import random

from reverser.backoff import Backoff

LEAST_SECONDS, MOST_SECONDS = 0.5, 30.0


def test_waits_stay_between_half_a_second_and_half_a_minute() -> None:
    """However many failures in a row, a wait is never shorter nor longer."""
    backoff = Backoff(LEAST_SECONDS, MOST_SECONDS, random.Random(1))

    waits = [backoff.failed() for _ in range(1000)]

    assert min(waits) >= LEAST_SECONDS
    assert max(waits) <= MOST_SECONDS


def test_waits_grow_and_are_spread() -> None:
    """The range doubles with each failure, so that many clients do not come back together."""
    first = [Backoff(LEAST_SECONDS, MOST_SECONDS, random.Random(seed)).failed() for seed in range(200)]
    later = []
    for seed in range(200):
        backoff = Backoff(LEAST_SECONDS, MOST_SECONDS, random.Random(seed))
        later.append([backoff.failed() for _ in range(10)][-1])

    assert max(first) <= 2 * LEAST_SECONDS
    assert len(set(first)) == 200
    assert sum(later) > 5 * sum(first)
    assert min(later) < 5 < max(later)


def test_success_starts_over() -> None:
    """After a success the next failure is the first again."""
    backoff = Backoff(LEAST_SECONDS, MOST_SECONDS, random.Random(1))
    for _ in range(10):
        backoff.failed()

    backoff.succeeded()

    assert backoff.failed() <= 2 * LEAST_SECONDS


def test_the_server_s_wish_is_the_least() -> None:
    """Retry-After is waited for in full, even where the own wait would be shorter or longer."""
    backoff = Backoff(LEAST_SECONDS, MOST_SECONDS, random.Random(1))

    assert all(backoff.failed(60) >= 60 for _ in range(100))
    assert backoff.failed(0) >= LEAST_SECONDS
