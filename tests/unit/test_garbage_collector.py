"""What the daemon tells Python's garbage collector."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from reverser.garbage_collector import freeze_gc, suspended


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """The collector as it was."""
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


class Ring:
    """Garbage that only the collector finds."""

    def __init__(self) -> None:
        self.me = self


def test_what_is_there_is_left_out_and_later_garbage_is_found() -> None:
    """A collection looks at what came since, and only at that."""
    freeze_gc()

    assert len(gc.get_objects()) < gc.get_freeze_count()
    before = gc.get_freeze_count()
    Ring()
    assert gc.collect() >= 1
    assert gc.get_freeze_count() <= before


def test_nothing_is_collected_while_anybody_wants_it_suspended() -> None:
    """Two large objects in two threads: the collector is back when both are through, not before."""
    with suspended():
        with suspended():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
