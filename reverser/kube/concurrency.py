"""Asks an API server several things at once, and answers as if they had been asked in turn."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import trio

from reverser.errors import unwrap_group

AT_ONCE = 8
T = TypeVar("T")
R = TypeVar("R")


async def map_concurrently(items: Sequence[T], ask: Callable[[T], Awaitable[R]]) -> list[R]:
    """The answers in the order of the items. The first error ends the others and is raised."""
    answers: dict[int, R] = {}
    limiter = trio.CapacityLimiter(AT_ONCE)

    async def one(index: int, item: T) -> None:
        async with limiter:
            answers[index] = await ask(item)

    try:
        async with trio.open_nursery() as nursery:
            for index, item in enumerate(items):
                nursery.start_soon(one, index, item)
    except BaseExceptionGroup as group:
        raise unwrap_group(group) from group
    return [answers[index] for index in range(len(items))]
