"""Who only repeated a write whose event is not here is not its author."""

from __future__ import annotations

from typing import Any

import pytest

from reverser.model.change import Operation
from reverser.model.fact import Fact
from reverser.model.observed_write import Stamp
from tests.attributed import AMBIGUOUS, NOW, asked, deletion, subject, told, who

BOB = {"manager": "kubectl-patch", "applied": False}


TOUCHED = Stamp("helper", False, "", NOW - 1, fresh=False, touched=True)


def stamp(manager: str = "kubectl-patch", *, seconds: float = 0, applied: bool = False, fresh: bool = True) -> Stamp:  # fmt: skip  # noqa: E501
    return Stamp(manager, applied, "", NOW - 1 + seconds, fresh)


def gap(actor: str = "mallory", **fields: Any) -> Fact:
    return told(actor, **{"gap": True, "uid": "", "version": "", "at": NOW - 0.8, **fields})


def test_an_id_that_a_client_chose_hides_no_event() -> None:
    """A8: mallory gives the decoy's event and that of the change one `Audit-ID`; bob repeats the change."""
    decoy = told("mallory", id="1/ResponseComplete", uid="decoy")
    change = told("mallory", id="1/ResponseComplete", at=NOW - 0.8)

    assert who(subject(), decoy, change, told("bob", at=NOW - 0.7, clock="other")) == AMBIGUOUS
    assert who(subject(), decoy, change) == ("mallory", "audit")


def test_the_same_event_told_again_counts_once() -> None:
    """Over another connection, too: it is no second response."""
    once, again = told("alice", id="1", clock="one"), told("alice", id="1", clock="two")

    assert once.identity == again.identity
    assert once.identity != told("alice", id="1", at=NOW - 0.4).identity


@pytest.mark.parametrize(
    ("stamps", "certain"),
    [
        ([stamp()], True),
        ([stamp(), stamp("helper", fresh=False)], True),
        ([stamp("helper", applied=True), stamp(fresh=False)], False),
        ([stamp(applied=True)], False),
        ([stamp(), stamp("helper")], False),
        ([stamp(fresh=False), stamp("helper", fresh=False)], True),
        ([stamp(fresh=False), stamp("helper", applied=True, fresh=False)], False),
        ([stamp(fresh=False), TOUCHED], False),
        ([stamp(fresh=False), stamp("helper", seconds=-5, fresh=False)], True),
        ([stamp(seconds=-5, fresh=False), stamp("helper", seconds=-5, fresh=False)], True),
        ([], True),
        ([stamp(fresh=False), stamp("helper", seconds=1e9, applied=True, fresh=False)], False),
    ],
)
def test_a_stamp_of_somebody_else_is_a_doubt(stamps: list[Stamp], certain: bool) -> None:
    """G2 (b): the new entry says who wrote; without one, nobody else may have a stamp of that time."""
    found = who(subject(stamps=tuple(stamps)), told("bob", at=NOW - 0.5, **BOB))

    assert found == (("bob", "audit") if certain else AMBIGUOUS)


def test_who_wrote_the_same_fields_again_has_a_stamp_of_that_time() -> None:
    """Where no entry has changed; where the event before is not known, nobody else may have one."""
    found = told("bob", at=NOW - 0.9, **BOB)
    mine, helper, old = stamp(fresh=False), stamp("helper", fresh=False), stamp(seconds=-5, fresh=False)

    assert who(subject(restated=True, stamps=(mine,)), found) == ("bob", "audit")
    assert who(subject(restated=True, stamps=(mine, helper)), found) == AMBIGUOUS
    assert who(subject(restated=True, stamps=(mine, helper), created_at=NOW - 1), found) == ("bob", "audit")
    assert who(subject(restated=True, stamps=(old,)), found) == AMBIGUOUS
    assert who(subject(restated=True, stamps=(helper,), created_at=NOW - 1), found) == AMBIGUOUS
    assert who(subject(previous_version="", stamps=(mine, helper)), found) == AMBIGUOUS
    assert who(subject(previous_version="", stamps=(mine,)), found) == ("bob", "audit")


def test_wiped_managed_fields_leave_nobody_sure() -> None:
    """But for who names a version, and for whom admission knows."""
    wiped = subject(unstamped=True)

    assert who(wiped, told("bob", **BOB)) == AMBIGUOUS
    assert who(wiped, told("bob", previous_version="5", **BOB)) == ("bob", "audit")
    assert who(wiped, told("bob", **BOB), asked("bob")) == ("bob", "audit")


def test_who_names_the_version_that_it_met_has_written() -> None:
    """Whatever stamps say: a request that met another version than it made changed it."""
    change = subject(stamps=(stamp("helper"),))

    assert who(change, told("bob", previous_version="5", **BOB)) == ("bob", "audit")


def test_an_apply_that_gave_up_fields_is_a_doubt() -> None:
    """It stamps nothing when nothing is left to it."""
    found = told("bob", at=NOW - 0.9, **BOB)

    assert who(subject(stamps=(stamp(fresh=False),)), found) == ("bob", "audit")
    assert who(subject(receded=True, stamps=(stamp(fresh=False),)), found) == AMBIGUOUS
    assert who(subject(receded=True, stamps=(stamp(),)), found) == ("bob", "audit")


def test_a_version_that_was_seen_before_the_request_is_not_its_own() -> None:
    """G2 (c): whatever second somebody has written into the object."""
    change = subject(written_at=NOW + 1000, manager="flux")

    assert who(change, told("bob", at=NOW + 10, completed_at=NOW + 11, manager="flux"))[0] == "unknown"


def test_stamps_that_a_writer_may_have_forged_do_not_rule_it_out() -> None:
    """Mallory writes the stamp of bob's controller, who repeats the change."""
    change = subject(
        written_at=NOW - 1, manager="flux", subresource="", stamps=(stamp("flux", applied=True),)
    )
    forged = told("mallory", at=NOW - 0.8, manager="curl", restamps=True, clock="one")

    assert who(change, forged, told("bob", at=NOW - 0.5, manager="flux", clock="two")) == AMBIGUOUS
    assert who(change, forged) == ("mallory", "audit")
    assert who(change, asked("mallory", manager="curl", restamps=True)) == ("mallory", "admission")


def test_a_gap_is_a_doubt_about_all_who_may_have_repeated() -> None:
    """Of an update or a deletion; who named a version or created has written, and admission may name them."""
    assert who(subject(), gap(), told("bob")) == AMBIGUOUS
    assert (
        who(deletion(), gap(operation=Operation.DELETE), told("bob", operation=Operation.DELETE)) == AMBIGUOUS
    )
    assert who(subject(), gap(), told("bob", previous_version="5")) == ("bob", "audit")
    assert who(subject(), gap()) == ("unknown", "unresolved")
    assert who(subject(), gap(), asked("alice")) == ("alice", "admission")
    assert who(subject(), gap(), told("bob"), asked("mallory")) == ("mallory", "admission")
    created = subject(operation=Operation.CREATE, previous_version="")
    assert who(created, gap(), told("bob", operation=Operation.CREATE)) == ("bob", "audit")


@pytest.mark.parametrize(
    "elsewhere",
    [{"name": "api"}, {"namespace": "other"}, {"at": NOW - 500, "completed_at": NOW - 499}, {"at": NOW + 60}],
    ids=str,
)
def test_a_gap_elsewhere_or_at_another_time_is_no_doubt(elsewhere: dict[str, Any]) -> None:
    """It concerns its object for half a minute."""
    assert who(subject(), gap(**elsewhere), told("bob")) == ("bob", "audit")


def test_a_collection_that_failed_is_a_doubt_about_deletions_there() -> None:
    """It may have deleted any object of its type before it failed."""
    failed = gap(name="", operation=Operation.DELETE, collection=True, code=422)

    assert who(deletion(), failed, told("bob", operation=Operation.DELETE)) == AMBIGUOUS
