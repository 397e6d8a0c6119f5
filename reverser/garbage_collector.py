"""Python's garbage collector, told what will not become garbage, and when not to look.

What is there once the daemon has started (modules, tables, instruments) stays until its end. To look
through it again and again makes pauses of 50 ms and more, in which no admission call is answered. An
object of 500,000 lists makes as many pauses: each 5,000 lists call for a look through all of them.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

YOUNG = 5_000
"""Containers more than at the last look that call for one. Nearly all garbage goes without the collector."""

_lock = threading.Lock()
_suspensions = 0


def freeze_gc() -> None:
    """Leave out all that is there from now on."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])


@contextmanager
def suspended() -> Iterator[None]:
    """No look meanwhile, in any thread: for a few seconds in which one large object is read or decided."""
    _suspend(1)
    try:
        yield
    finally:
        _suspend(-1)


def uncollected(call: Callable[[], T]) -> T:
    """What the call answers, with the collector suspended: for a thread."""
    with suspended():
        return call()


def _suspend(more: int) -> None:
    global _suspensions
    with _lock:
        _suspensions += more
        (gc.disable if _suspensions else gc.enable)()
