"""Promises of the index of facts: bounded, idempotent, and closed to what made no change."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from reverser.attribution.fact_index import Facts
from reverser.model.attribution import Actor
from reverser.model.change import Operation
from reverser.model.fact import Fact, Source


def fact(number: int = 0, **fields: Any) -> Fact:
    given = {
        "id": str(number), "cluster": "default", "source": Source.ADMISSION, "group": "",
        "resource": "configmaps", "namespace": "shop", "name": "a", "uid": "u1", "previous_version": "5",
        "operation": Operation.UPDATE, "actor": Actor("alice"), "at": 0.0,
    }  # fmt: skip
    return Fact(**{**given, **fields})


def audit(**fields: Any) -> Fact:
    return fact(**{"source": Source.AUDIT, "version": "6", "previous_version": "", **fields})


def places(facts: Facts) -> int:
    return len(facts._by_key)


def test_a_fact_counts_once() -> None:
    """The same id of the same cluster is one fact, however often it is told."""
    facts = Facts()

    assert facts.add(fact(), 0.0)
    assert not facts.add(fact(), 1.0)
    assert facts.add(fact(cluster="other"), 1.0)
    assert len(facts) == 2
    assert len(facts.admitted("default", "u1", "5")) == 1


def test_the_oldest_go_when_there_are_too_many() -> None:
    """The count is bounded; what went is counted, and nothing of it stays behind."""
    facts = Facts(count=3)
    for number in range(10):
        facts.add(fact(number, uid=f"u{number}", at=float(number)), 0.0)

    assert (len(facts), facts.evicted, facts.expired, facts.evicted_at) == (3, 7, 0, 6.0)
    assert [bool(facts.admitted("default", f"u{n}", "5")) for n in (6, 7, 9)] == [False, True, True]
    assert places(facts) == 6


def test_the_old_go_by_themselves() -> None:
    """Age counts from arrival, whatever time the fact itself tells."""
    facts = Facts(seconds=600)
    facts.add(fact(0, at=-1e6), 0.0)
    facts.add(fact(1, uid="u2"), 500.0)
    facts.expire(599.0)
    assert len(facts) == 2

    facts.expire(600.0)
    assert (len(facts), facts.expired, facts.evicted) == (1, 1, 0)
    facts.expire(2000.0)
    assert (len(facts), places(facts)) == (0, 0)


@pytest.mark.parametrize(
    "useless",
    [
        fact(dry_run=True),
        fact(subresource="status"),
        fact(uid=""),
        fact(previous_version=""),
        fact(previous_version="0"),
        fact(operation=Operation.DELETE, previous_version=""),
        fact(collection=True, operation=Operation.DELETE),
        audit(dry_run=True),
        audit(code=403),
        audit(code=409),
        audit(version=""),
        audit(version="0"),
        audit(previous_version="6"),
        audit(collection=True),
    ],
)
def test_what_made_no_change_is_refused(useless: Fact) -> None:
    """Dry runs, failures, status writes, no-ops and facts without a key never enter."""
    facts = Facts()

    assert not facts.add(useless, 0.0)
    assert (len(facts), facts.refused) == (0, 1)


@pytest.mark.parametrize(
    ("kept", "pending"),
    [
        (fact(previous_version="5"), True),
        (fact(previous_version="6"), True),
        (fact(previous_version="4"), False),
        (fact(previous_version="abc"), False),
        (fact(operation=Operation.CREATE, previous_version=""), False),
        (fact(uid="unseen", previous_version="1"), True),
        (fact(uid="unseen", operation=Operation.CREATE, previous_version=""), True),
        (audit(version="6"), True),
        (audit(version="5"), False),
        (audit(version="4"), False),
        (audit(operation=Operation.DELETE, version=""), True),
        (audit(operation=Operation.DELETE, uid="", collection=True, uids=frozenset({"u1"})), True),
    ],
)
def test_only_facts_of_unseen_changes_outlive_a_stop(kept: Fact, pending: bool) -> None:
    """Version 5 was seen last: what led to it, or to one before, is not taken over the restart."""
    facts = Facts()
    facts.add(kept, 0.0)

    exported = facts.export({("default", "u1"): "5"})

    assert exported == ([kept] if pending else [])
    stored = msgspec.json.encode(exported)
    after = Facts(seconds=600)
    after.seed(msgspec.json.decode(stored, type=list[Fact]), 5000.0)
    assert after.export({}) == exported


def test_actors_are_kept_once() -> None:
    """A thousand facts of one user hold one copy of the groups."""
    facts = Facts()
    for number in range(1000):
        facts.add(fact(number, actor=Actor("alice", ("a", "b"))), 0.0)

    assert len({id(each.actor) for each in facts.admitted("default", "u1", "5")}) == 1
