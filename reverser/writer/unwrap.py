"""Expected failures of a task, without the group that a nursery puts around them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def unwrapped(*expected: type[Exception]) -> Iterator[None]:
    """Raise the first of a group whose members were all expected; leave any other group as it is."""
    try:
        yield
    except BaseExceptionGroup as group:
        _, others = group.split(expected)
        if others is not None:
            raise
        raise _first(group) from None


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
