"""Several commits wait for each other, for so long or until there are so many, and leave in their order."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from reverser.model.change import Origin
from reverser.model.commit import CommitPlan
from reverser.model.entry import Edit, Entry
from reverser.writer.push_pacing import BYTES_MOST, PushPacing
from tests.build import entry


def plan(seq: int, at: float, origin: Origin = Origin.LIVE, *more: Entry) -> CommitPlan:
    made = entry(seq, f"n{seq}", origin=origin)
    return CommitPlan((msgspec.structs.replace(made, appended_at=at), *more))


def seqs(plans: list[CommitPlan]) -> list[int]:
    return [plan.first.seq for plan in plans]


def test_without_an_interval_nothing_waits() -> None:
    """Each plan comes back at once."""
    pacing = PushPacing(0.0, 0)

    assert seqs(pacing.feed([plan(1, 99.0), plan(2, 100.0)], 100.0)) == [1, 2]
    assert pacing.deadline() is None


def test_the_oldest_change_does_not_wait_longer_than_the_interval() -> None:
    """It counts from the journal's time; whatever came meanwhile leaves with it."""
    pacing = PushPacing(60.0, 0)

    assert pacing.feed([plan(1, 90.0)], 100.0) == []
    assert pacing.feed([plan(2, 140.0)], 140.0) == []
    assert pacing.deadline() == 150.0
    assert seqs(pacing.feed([], 150.0)) == [1, 2]
    assert pacing.deadline() is None
    assert seqs(pacing.feed([plan(3, 10.0)], 150.0)) == [3]


def test_so_many_changes_do_not_wait() -> None:
    """Changes count, also those that share a commit; the next ones wait anew."""
    pacing = PushPacing(60.0, 3)

    assert pacing.feed([plan(1, 100.0)], 100.0) == []
    assert seqs(pacing.feed([plan(2, 101.0, Origin.LIVE, entry(3))], 101.0)) == [1, 2]
    assert pacing.feed([plan(4, 102.0)], 102.0) == []


def test_a_snapshot_takes_along_what_waits() -> None:
    """It has waited for its lists, and what came before it leaves before it."""
    for origin in (Origin.SNAPSHOT, Origin.SWEEP):
        pacing = PushPacing(60.0, 0)
        pacing.feed([plan(1, 100.0)], 100.0)

        assert seqs(pacing.feed([plan(2, 100.0, origin)], 100.0)) == [1, 2]


def test_a_clock_that_was_set_back_makes_nothing_wait_longer() -> None:
    """A time in the future is taken for now."""
    pacing = PushPacing(60.0, 0)
    pacing.feed([plan(1, 5000.0)], 100.0)

    assert pacing.deadline() == 160.0


def test_memory_is_bounded() -> None:
    """What is large does not wait for the interval."""
    pacing = PushPacing(3600.0, 0)
    large = msgspec.structs.replace(entry(2), edit=Edit("x", bytes(BYTES_MOST)))

    assert pacing.feed([plan(1, 0.0)], 0.0) == []
    assert seqs(pacing.feed([CommitPlan((large,))], 0.0)) == [1, 2]


STEPS = st.lists(
    st.tuples(st.floats(0, 50), st.lists(st.sampled_from([Origin.LIVE] * 5 + [Origin.SNAPSHOT]), max_size=4)),
    max_size=12,
)


@given(st.sampled_from([0.0, 1.0, 60.0]), st.integers(0, 5), STEPS)
def test_nothing_is_lost_doubled_or_reordered(
    seconds: float, changes: int, steps: list[tuple[float, list[Origin]]]
) -> None:
    """Whatever comes when; and nothing is here whose wait is over."""
    pacing, now, seq, out = PushPacing(seconds, changes), 0.0, 0, list[int]()
    for pause, origins in steps:
        now += pause
        plans = [plan(seq + number, now, origin) for number, origin in enumerate(origins, 1)]
        seq += len(plans)
        out += seqs(pacing.feed(plans, now))
        due = pacing.deadline()
        assert due is None or due > now

    assert out + seqs(pacing.flush()) == [*range(1, seq + 1)]
