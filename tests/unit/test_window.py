"""Which entries become one commit."""

from __future__ import annotations

from reverser.model.attribution import Actor, Attribution
from reverser.model.change import Operation, Origin
from reverser.model.commit import CommitPlan
from reverser.model.entry import Edit, Entry
from reverser.model.resource import ObjectKey
from reverser.stages.window import Window


def entry(
    seq: int, name: str = "a", *, origin: Origin = Origin.LIVE, actor: str = "ann", cluster: str = "one"
) -> Entry:
    key = ObjectKey(cluster, "", "pods", "shop", name)
    edit = Edit(f"{cluster}/{name}.yaml", b"x")
    by = Attribution(Actor(actor))
    return Entry("live", key, "v1", "Pod", Operation.UPDATE, origin, edit, 0.0, (), by, seq=seq)


def seqs(plans: list[CommitPlan]) -> list[list[int]]:
    return [[entry.seq for entry in plan.entries] for plan in plans]


def test_without_a_window_each_live_entry_is_ready_at_once() -> None:
    """With no window a live entry is a commit of its own and waits for nothing."""
    window = Window(0)
    window.feed([entry(1), entry(2), entry(3, "b")], now=5.0)

    assert window.deadline() == 5.0
    assert seqs(window.ready(5.0)) == [[1], [2], [3]]
    assert window.deadline() is None


def test_snapshot_and_sweep_entries_run_together() -> None:
    """Adjacent snapshot entries are one plan a cluster, sweep entries are another, live ones stand apart."""
    window = Window(0)
    window.feed(
        [
            entry(1, "a", origin=Origin.SNAPSHOT),
            entry(2, "a", origin=Origin.SNAPSHOT, cluster="two"),
            entry(3, "b", origin=Origin.SNAPSHOT),
            entry(4, "c", origin=Origin.SWEEP),
            entry(5, "d", origin=Origin.SWEEP),
            entry(6, "a"),
            entry(7, "e", origin=Origin.SNAPSHOT),
        ],
        now=0.0,
    )

    assert seqs(window.ready(0.0)) == [[1, 3], [2], [4, 5], [6], [7]]


def test_a_snapshot_that_is_fed_in_pieces_is_one_plan() -> None:
    """As long as nobody asked, entries that follow join the run."""
    window = Window(0)
    window.feed([entry(1, "a", origin=Origin.SNAPSHOT)], now=0.0)
    window.feed([entry(2, "b", origin=Origin.SNAPSHOT)], now=1.0)

    assert seqs(window.ready(1.0)) == [[1, 2]]


def test_a_window_gathers_one_actor_from_the_first_entry_on() -> None:
    """Entries of one actor within the seconds from the first become one plan, due at its deadline."""
    window = Window(10)
    window.feed([entry(1, "a"), entry(2, "b", actor="bob")], now=0.0)
    window.feed([entry(3, "c"), entry(4, "a")], now=9.0)

    assert window.ready(9.9) == []
    assert window.deadline() == 10.0
    assert seqs(window.ready(10.0)) == [[1, 3, 4], [2]]


def test_an_entry_after_the_deadline_opens_a_new_window() -> None:
    """What comes after a window was taken waits for its own deadline."""
    window = Window(10)
    window.feed([entry(1)], now=0.0)
    window.ready(10.0)
    window.feed([entry(2)], now=11.0)

    assert window.deadline() == 21.0
    assert seqs(window.flush()) == [[2]]


def test_a_late_feed_does_not_stretch_a_window() -> None:
    """An entry that arrives when the window is over is not of that window, even if nobody asked yet."""
    window = Window(10)
    window.feed([entry(1)], now=0.0)
    window.feed([entry(2)], now=10.5)

    assert seqs(window.ready(10.5)) == [[1]]
    assert window.deadline() == 20.5


def test_another_actor_on_the_same_object_closes_the_window() -> None:
    """Two actors on one object: the first one's window closes before the second one's change."""
    window = Window(10)
    window.feed(
        [entry(1, "x", actor="bob"), entry(2, "a"), entry(3, "b"), entry(4, "a", actor="bob")], now=0.0
    )

    assert seqs(window.ready(0.0)) == [[1], [2, 3]]
    assert seqs(window.flush()) == [[4]]


def test_a_snapshot_closes_all_windows() -> None:
    """What a list brings lands after the live changes that were journaled before it."""
    window = Window(10)
    window.feed(
        [entry(1), entry(2, "b", actor="bob"), entry(3, "a", origin=Origin.SNAPSHOT), entry(4)], now=0.0
    )

    assert seqs(window.ready(0.0)) == [[1], [2], [3]]
    assert seqs(window.flush()) == [[4]]
