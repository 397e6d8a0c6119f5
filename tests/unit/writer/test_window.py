"""Which entries become one commit."""

from __future__ import annotations

import msgspec

from reverser.model.attribution import Actor, Attribution, Evidence
from reverser.model.change import Origin
from reverser.model.commit import CommitPlan
from reverser.model.entry import Edit, Entry
from reverser.model.rule import Actors, Excluded
from reverser.writer.window import Window
from tests.build import entry


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


def test_a_window_parts_what_somebody_else_did_in_an_actor_s_name() -> None:
    """One commit has one impersonator, or none (GB6)."""

    def by(seq: int, name: str, impersonator: str = "") -> Entry:
        attribution = Attribution(Actor("ann"), Evidence.AUDIT, impersonator=impersonator)
        return msgspec.structs.replace(entry(seq, name), attribution=attribution)

    window = Window(10)
    window.feed([by(1, "a"), by(2, "b", "bob"), by(3, "c"), by(4, "d", "eve"), by(5, "e", "bob")], now=0.0)

    assert seqs(window.ready(10.0)) == [[1, 3], [2, 5], [4]]


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


def at(seconds: float, made: Entry) -> Entry:
    return msgspec.structs.replace(made, appended_at=seconds)


def test_a_window_that_is_read_again_closes_when_it_would_have() -> None:
    """Its seconds count from the journal's time of its first entry, however late it is read."""
    entries = [at(100, entry(1)), at(105, entry(2, "b"))]
    again = Window(10)
    again.feed(entries, now=108)

    assert again.deadline() == 110
    assert again.ready(109) == []
    late = Window(10)
    late.feed(entries, now=500)
    assert seqs(late.ready(500)) == [[1, 2]]


def test_entries_that_are_read_late_gather_as_they_would_have() -> None:
    """One that was made after a window's end is of the next window, although both are read at once."""
    window = Window(10)
    window.feed([at(100, entry(1)), at(109, entry(2, "b")), at(111, entry(3))], now=120)

    assert seqs(window.ready(120)) == [[1, 2]]
    assert window.deadline() == 121
    assert seqs(window.ready(121)) == [[3]]


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


def by_flux(seq: int, name: str = "a", word: Excluded = "fold", *, at: float = 0.0, size: int = 1) -> Entry:
    made = entry(seq, name, actor="flux")
    return msgspec.structs.replace(
        made,
        edit=Edit(made.edit.path, b"x" * size),
        attribution=Attribution(Actor("flux"), Evidence.ADMISSION),
        actors=(Actors(exclude_users=("flux",), excluded=word),),
        appended_at=at,
    )


def test_excluded_entries_gather_until_the_oldest_is_due() -> None:
    """They become one plan, counted from the journal's time of the first, whoever commits meanwhile."""
    window = Window(0, 60)
    window.feed([by_flux(1, "a", at=100), entry(2, "x"), by_flux(3, "b", "skip", at=130)], now=130)

    assert seqs(window.ready(130)) == [[2]]
    assert window.deadline() == 160
    assert seqs(window.ready(159)) == []
    assert seqs(window.ready(160)) == [[1, 3]]
    assert window.deadline() is None


def test_a_fold_goes_along_with_its_object_alone() -> None:
    """The next entry of the object takes all of its excluded ones; those of other objects go on waiting."""
    window = Window(0, 60)
    window.feed([by_flux(1), by_flux(2, "b"), by_flux(3), entry(4), entry(5)], now=10)

    assert seqs(window.ready(10)) == [[1, 3, 4], [5]]
    assert seqs(window.flush()) == [[2]]


def test_a_skip_goes_before_and_never_along() -> None:
    """What must go before another's commit goes there as a plan of its own, with all that waits."""
    window = Window(0, 60)
    window.feed([by_flux(1, word="skip"), by_flux(2), by_flux(3, "b"), entry(4)], now=10)

    assert seqs(window.ready(10)) == [[1, 2, 3], [4]]


def test_a_snapshot_comes_after_what_waits() -> None:
    """A list is newer than all that was excluded before it."""
    window = Window(0, 60)
    window.feed([by_flux(1), entry(2, "b", origin=Origin.SNAPSHOT)], now=10)

    assert seqs(window.ready(10)) == [[1], [2]]


def test_a_fold_closes_the_window_of_another_actor() -> None:
    """Ann's open window holds the object: it comes first, then Bob's with what is folded into it."""
    window = Window(5, 60)
    window.feed([entry(1), by_flux(2), entry(3, actor="bob"), entry(4, "c", actor="bob")], now=0)

    assert seqs(window.ready(0)) == [[1]]
    assert seqs(window.ready(5)) == [[2, 3, 4]]


def test_what_waits_is_bounded() -> None:
    """A thousand entries, or 16 MiB of them, wait for nothing more."""
    many, large = Window(0, 60), Window(0, 60)
    many.feed([by_flux(seq, f"n{seq}") for seq in range(1, 1002)], now=0)
    large.feed([by_flux(1, "a", size=16 << 20), by_flux(2, "b")], now=0)

    assert [len(each) for each in seqs(many.ready(0))] == [1000]
    assert seqs(large.ready(0)) == [[1]]


def test_a_clock_that_was_set_back_delays_nothing() -> None:
    """An entry whose time lies ahead waits from now on."""
    window = Window(0, 60)
    window.feed([by_flux(1, at=10_000)], now=100)

    assert window.deadline() == 160


def test_a_fold_into_an_open_window_is_not_late() -> None:
    """A window that would outlast what was folded into it closes when that is due."""
    window = Window(600, 60)
    window.feed([by_flux(1, at=100), entry(2), entry(3, "b")], now=130)

    assert window.deadline() == 160
    assert seqs(window.ready(160)) == [[1, 2, 3]]
