"""Entries that wait for their author let others pass, but never what touches the same object or path."""

from __future__ import annotations

from collections.abc import Hashable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverser.model.change import Operation, Origin
from reverser.model.entry import Edit, Entry
from reverser.model.resource import ObjectKey
from reverser.writer import held_entries as module
from reverser.writer.held_entries import AwaitingAuthor, touched


def entry(seq: int, name: str = "a", *, waits: bool = False, previous: str = "") -> Entry:
    key = ObjectKey("one", "", "pods", "shop", name)
    made = Entry("live", key, "v1", "Pod", Operation.UPDATE, Origin.LIVE, Edit(f"{name}.yaml", b"x"), 0.0)
    return msgspec.structs.replace(made, seq=seq, previous_path=previous, waits_until=9.0 if waits else 0.0)


def settled(waiting: Entry) -> Entry:
    return msgspec.structs.replace(waiting, waits_until=0.0)


def seqs(entries: list[Entry]) -> list[int]:
    return [each.seq for each in entries]


def test_others_pass() -> None:
    """An object whose author is awaited holds up its own entries, and no other's."""
    unsettled = AwaitingAuthor()

    free = unsettled.feed([entry(1, waits=True), entry(2, "b"), entry(3), entry(4, "c", previous="a.yaml")])

    assert seqs(free) == [2]
    assert unsettled.waiting == [1]
    assert seqs(unsettled.resolve([settled(entry(1, waits=True))])) == [1, 3, 4]
    assert unsettled.waiting == []


def test_what_waits_behind_two_waits_for_both() -> None:
    """The second of two waiting entries of one object keeps its place when it is settled first."""
    unsettled = AwaitingAuthor()
    first, second = entry(1, waits=True), entry(2, waits=True)
    unsettled.feed([first, second])

    assert unsettled.resolve([settled(second)]) == []
    assert unsettled.waiting == [1]
    assert seqs(unsettled.resolve([settled(first)])) == [1, 2]


def test_an_author_costs_nothing_of_what_else_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settling one of a thousand entries looks at its own objects and paths, not at all others."""
    unsettled, looks = AwaitingAuthor(), list[int]()

    def counted(each: Entry) -> tuple[Hashable, ...]:
        looks.append(each.seq)
        return touched(each)

    unsettled.feed(entry(number, f"n{number}", waits=True) for number in range(1, 1001))
    monkeypatch.setattr(module, "touched", counted)

    assert seqs(unsettled.resolve([settled(entry(7, "n7", waits=True))])) == [7]
    assert {*looks} == {7}


def test_what_is_held_is_counted() -> None:
    """The bytes of what waits, and of what waits behind it, until it goes on."""
    unsettled = AwaitingAuthor()
    unsettled.feed([entry(1, waits=True), entry(2), entry(3, "b")])

    assert unsettled.size == 2
    unsettled.resolve([settled(entry(1, waits=True))])
    assert unsettled.size == 0


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.sampled_from(["", "a.yaml", "b.yaml"]))),
    st.randoms(use_true_random=False),
)
def test_everything_comes_once_and_in_its_object_s_order(
    rows: list[tuple[str, bool, str]], chance: object
) -> None:
    """Whatever is settled in whatever order: nothing is lost, nothing overtakes what it touches."""
    entries = [entry(n, name, waits=waits, previous=old) for n, (name, waits, old) in enumerate(rows, 1)]
    unsettled = AwaitingAuthor()
    out = unsettled.feed(entries)
    waiting = [each for each in entries if each.waits_until]
    chance.shuffle(waiting)  # type: ignore[attr-defined]
    for each in waiting:
        out += unsettled.resolve([settled(each)])

    assert sorted(seqs(out)) == seqs(entries)
    for place in {place for each in entries for place in touched(each)}:
        mine = [each.seq for each in out if place in touched(each)]
        assert mine == sorted(mine)
