"""Promises of what is said to have led to a deletion."""

from __future__ import annotations

import itertools
from typing import Any

from reverser.attribution.fact_index import Facts
from reverser.attribution.resolve import attribute
from reverser.model.attribution import Actor
from reverser.model.change import Operation
from reverser.model.fact import Fact, Source
from reverser.model.observed_write import ObservedWrite
from reverser.model.resource import ObjectKey

COLLECTOR = "system:serviceaccount:kube-system:generic-garbage-collector"
NAMESPACES = "system:serviceaccount:kube-system:namespace-controller"
POD = ObjectKey("default", "", "pods", "shop", "web-1")
NUMBERS = itertools.count()


def removal(actor: str, uid: str, resource: str, **fields: Any) -> Fact:
    given = {
        "id": f"{next(NUMBERS)}", "cluster": "default", "source": Source.ADMISSION, "group": "apps",
        "resource": resource, "namespace": "shop", "name": f"the-{uid}", "uid": uid, "previous_version": "5",
        "operation": Operation.DELETE, "actor": Actor(actor), "at": 999.0,
    }  # fmt: skip
    return Fact(**{**given, **fields})


def namespace(actor: str, **fields: Any) -> Fact:
    return removal(actor, "ns", "namespaces", **{"group": "", "name": "shop", **fields})


def pod(actor: str) -> Fact:
    return removal(actor, "pod", "pods", group="")


def cause(*facts: Fact, operation: Operation = Operation.DELETE) -> str:
    known = Facts()
    for fact in facts:
        known.add(fact, 1000.0)
    gone = ObservedWrite(
        key=POD, kind="Pod", uid="pod", operation=operation, previous_version="5", version="6", removed=True,
        owners=("rs",), seen_at=1000.0,
    )  # fmt: skip
    found = attribute(gone, known)
    assert found.actor.name in (COLLECTOR, NAMESPACES, "alice")
    return found.caused_by


def test_the_deletion_of_the_namespace() -> None:
    """What the namespace controller deletes goes back to who deleted the namespace."""
    assert cause(pod(NAMESPACES), namespace("bob"), namespace(NAMESPACES)) == "bob deleted namespace shop"
    assert cause(pod(NAMESPACES), namespace("bob", name="other")) == ""


def test_the_deletion_of_the_owner() -> None:
    """What the garbage collector deletes goes back to who deleted the owner."""
    owner = removal("bob", "rs", "replicasets")
    assert cause(pod(COLLECTOR), owner) == "bob deleted replicasets.apps shop/the-rs"
    assert cause(pod(COLLECTOR), removal("bob", "other", "replicasets")) == ""


def test_the_deletion_of_the_owner_s_owner() -> None:
    """Where the collector deleted the owner too, its owner is asked, up to the namespace."""
    owner = removal(COLLECTOR, "rs", "replicasets", owners=("deploy",))

    assert cause(pod(COLLECTOR), owner, removal("bob", "deploy", "deployments")) == (
        "bob deleted deployments.apps shop/the-deploy"
    )
    assert cause(pod(COLLECTOR), owner, removal(NAMESPACES, "deploy", "deployments"), namespace("bob")) == (
        "bob deleted namespace shop"
    )


def test_owners_in_a_circle_end() -> None:
    """Objects that own each other give no cause, and no endless search."""
    assert cause(pod(COLLECTOR), removal(COLLECTOR, "rs", "replicasets", owners=("rs", "rs"))) == ""


def test_two_who_deleted_the_owner_are_not_guessed_between() -> None:
    """Admission alone cannot tell whose request went through; audit can."""
    two = removal("bob", "rs", "replicasets"), removal("carol", "rs", "replicasets")
    audited = removal("carol", "rs", "replicasets", source=Source.AUDIT, version="")

    assert cause(pod(COLLECTOR), *two) == ""
    assert cause(pod(COLLECTOR), *two, audited) == "carol deleted replicasets.apps shop/the-rs"


def test_a_cause_comes_first() -> None:
    """A deletion after the cascade's has not led to it."""
    assert cause(pod(COLLECTOR), removal("bob", "rs", "replicasets", at=1010.0)) == ""


def test_people_s_deletions_have_no_cause() -> None:
    """Who deletes an object whose owner went does it on their own account."""
    assert cause(pod("alice"), removal("bob", "rs", "replicasets"), namespace("bob")) == ""
