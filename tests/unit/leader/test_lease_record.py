"""When a Lease may be taken, is renewed, or is lost."""

from __future__ import annotations

import msgspec
import pytest

from reverser.leader.lease_record import (
    LeaseRecord,
    RecordAge,
    decide,
    read_record,
    released,
    renewed,
    spec_of,
    taken,
)

THEIRS = LeaseRecord("pod-b", 15.0, "2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:05.000000Z", 3)
OURS = taken(THEIRS, "pod-a", 15, "2026-01-01T00:01:00.000000Z")


@pytest.mark.parametrize(
    ("record", "age", "step"),
    [
        (None, 0, "take"),
        (released(THEIRS, "now"), 0, "take"),
        (LeaseRecord(), 0, "take"),
        (OURS, 0, "take"),
        (THEIRS, 0, "wait"),
        (THEIRS, 14.9, "wait"),
        (THEIRS, 15, "take"),
        (msgspec.structs.replace(THEIRS, seconds=60.0), 59, "wait"),
        (msgspec.structs.replace(THEIRS, seconds=2.0), 3, "take"),
        (msgspec.structs.replace(THEIRS, seconds=0.0), 29, "wait"),
        (msgspec.structs.replace(THEIRS, seconds=0.0), 30, "take"),
    ],
)
def test_a_lease_is_taken_when_nobody_renews_it(record: LeaseRecord | None, age: float, step: str) -> None:
    """A follower takes a free Lease at once, and another's once it is unchanged for its duration."""
    assert decide(record, age, "pod-a", 30, None) == step


@pytest.mark.parametrize(
    ("record", "step"),
    [
        (OURS, "renew"),
        (renewed(OURS, 15, "2027-01-01T00:00:00.000000Z"), "renew"),
        (None, "lost"),
        (THEIRS, "lost"),
        (released(OURS, "now"), "lost"),
        (taken(OURS, "pod-a", 15, OURS.acquired), "lost"),
    ],
)
def test_a_leader_leads_in_its_own_term_only(record: LeaseRecord | None, step: str) -> None:
    """A leader renews the term that it took; any other record is a lost Lease, also one of its own name."""
    assert decide(record, 0, "pod-a", 15, OURS.term) == step


@pytest.mark.parametrize("year", ["1999", "2026", "2099"])
def test_clocks_are_never_compared(year: str) -> None:
    """Times of a holder whose clock is wrong by decades neither end its Lease nor make it longer."""
    skewed = msgspec.structs.replace(THEIRS, renewed=f"{year}-01-01T00:00:00.000000Z")
    age = RecordAge()

    age.seconds(skewed, 1000.0)
    assert decide(skewed, age.seconds(skewed, 1014.0), "pod-a", 15, None) == "wait"
    assert decide(skewed, age.seconds(skewed, 1015.0), "pod-a", 15, None) == "take"


def test_a_renewal_begins_the_age_anew() -> None:
    """Each change that is seen begins the duration anew, one that sets the time back too."""
    age = RecordAge()

    age.seconds(THEIRS, 0.0)
    assert age.seconds(THEIRS, 14.0) == 14.0
    assert age.seconds(renewed(THEIRS, 15, "2001-01-01T00:00:00.000000Z"), 14.5) == 0.0
    assert age.seconds(renewed(THEIRS, 15, "2001-01-01T00:00:00.000000Z"), 20.0) == 5.5


def test_a_record_is_written_and_read() -> None:
    """What is written is what is read; a spec of rubbish, or none, is a Lease that nobody holds."""
    assert read_record({"spec": spec_of(OURS)}) == OURS
    for rubbish in ({}, {"spec": None}, {"spec": {"holderIdentity": 3, "leaseDurationSeconds": "x"}}):
        assert decide(read_record(rubbish), 0, "pod-a", 15, None) == "take"
