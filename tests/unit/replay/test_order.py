"""Writes of several logs: in which order they are taken, and which are known already."""

from __future__ import annotations

import json
import random

import msgspec
import pytest

from reverser.attribution.audit_event import decode_event
from reverser.replay.event_writes import writes
from reverser.replay.known_writes import NEAR, NewestWrite, after, known, later, parse_trailer, trailer
from reverser.replay.order import WriteOrder
from reverser.replay.resource_types import LoggedTypes
from reverser.replay.write import Form, Write
from tests.audit_events import event

SECOND = 1_000_000


def write(
    version: int = 0, at: float = 100, uid: str = "u1", *, removed: bool = False, name: str = "a"
) -> Write:
    found = writes(decode_event(json.dumps(event()).encode()), LoggedTypes(), lambda _: True)
    assert isinstance(found, tuple)
    form = Form.REMOVED if removed else Form.WHOLE
    return msgspec.structs.replace(
        found[0],
        version=version,
        at=round(at * SECOND),
        uid=uid,
        form=form,
        name=name,
        audit_id=f"a {version}",
    )


def replayed(*told: Write) -> list[int]:
    """The versions that are taken, in order."""
    seen, taken = None, []
    for each in told:
        if not known(seen, each):
            taken.append(each.version)
            seen = after(seen, each)
    return taken


def test_what_is_no_newer_is_known() -> None:
    """By version, for writes of about the same time; a request that changed nothing made no version."""
    assert replayed(write(5), write(5, 101), write(7, 102), write(6, 103), write(8, 101)) == [5, 7, 8]


def test_without_versions_time_decides() -> None:
    """Writes without a version, as at level Request, are put in order by time."""
    assert replayed(write(at=1), write(at=2), write(at=2), write(at=1.5), write(at=3)) == [0, 0, 0]


def test_versions_that_went_back_long_ago_are_a_restored_etcd() -> None:
    """Its writes are taken, and those of before are not taken again."""
    hours = NEAR / SECOND * 2
    first, restored = write(100, 0), write(50, hours)

    assert replayed(first, restored, first, restored, write(51, hours + 1)) == [100, 50, 51]


def test_a_deleted_object_stays_deleted() -> None:
    """What comes late of it, or again, is known; another object of its name is not."""
    old, new = write(5), write(9, 103, "u2")
    end = write(at=102, removed=True)

    assert replayed(old, end, write(6, 104), end, new, old, end, write(10, 104, "u2")) == [5, 0, 9, 10]


def test_a_deletion_may_have_the_version_of_the_last_write() -> None:
    """A deletion with the version of the last write is replayed once."""
    end = write(5, 101, removed=True)

    assert replayed(write(5), end, end) == [5, 5]


def test_a_late_deletion_of_a_former_object_deletes_nothing() -> None:
    """The name is another object's by then."""
    assert replayed(write(5), write(9, 101, "u2"), write(at=101.1, removed=True)) == [5, 9]


def test_a_trailer_tells_what_the_journal_knows() -> None:
    """Whatever the names hold, so that a lost journal doubles nothing."""
    told = [write(5), write(at=101, removed=True), write(9, 102, "u2"), write(11, 103, "u2")]
    seen, told_by_branch = None, None
    for each in told:
        seen = after(seen, each)
        parsed = parse_trailer(trailer(each, "ConfigMap"))
        assert parsed is not None
        assert parsed[:2] == ("shop/configmaps/a", "ConfigMap")
        told_by_branch = later(told_by_branch, parsed[2])

    assert told_by_branch == seen == NewestWrite(103 * SECOND, 11, "u2", "u1")
    assert later(seen, NewestWrite(101 * SECOND, removed=True, uid="u1")) == seen


@pytest.mark.parametrize("name", ["a; gone; object=b", "a b", "a\nReverser-Entry: x/1", "é\u202e"])
def test_names_cannot_forge_a_trailer(name: str) -> None:
    """Cluster roles may be called almost anything."""
    value = trailer(write(5, name=name), "ConfigMap")
    parsed = parse_trailer(value)

    assert "\n" not in value
    assert parsed is not None
    assert parsed[0].startswith("shop/configmaps/")
    assert not parsed[2].removed


@pytest.mark.parametrize(
    "value", ["", "x", "a1; kind=K; uid=u; version=5; at=2026-99-01T00:00:00Z; object=a"]
)
def test_what_is_no_trailer_tells_nothing(value: str) -> None:
    """A commit of a person, without the trailer, is read without an error."""
    assert parse_trailer(value) is None


def drained(order: WriteOrder[int], until: float = float("inf")) -> list[tuple[str, int]]:
    return [(each.name, each.version) for each, _ in order.ready(until, 1000)]


def test_writes_leave_in_order_whatever_order_they_came_in() -> None:
    """Of one object by version, even where the times say otherwise; of others by time."""
    told = [
        write(1, 1),
        write(3, 2),
        write(2, 2.1),
        write(9, 1.5, name="b"),
        write(4, 3),
        write(8, 2.5, name="b"),
    ]
    for turn in range(20):
        order: WriteOrder[int] = WriteOrder()
        for each in random.Random(turn).sample(told, len(told)):
            order.add(each, 0)

        assert drained(order) == [("a", 1), ("b", 8), ("a", 2), ("a", 3), ("b", 9), ("a", 4)]


def test_what_may_still_be_overtaken_is_held_back() -> None:
    """For some seconds of the log; what is too much is let go."""
    order: WriteOrder[int] = WriteOrder(5, most=2)
    order.add(write(1, 10), 0)
    assert drained(order, 14.9 * SECOND) == []
    assert drained(order, 15 * SECOND) == [("a", 1)]

    for number in range(4):
        order.add(write(number + 2, 20 + number), 0)
    assert drained(order, 20 * SECOND) == [("a", 2), ("a", 3)]
    assert len(order) == 2
