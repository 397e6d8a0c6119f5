"""Recorded requests: what admission and audit tell joins the change that the watch shows."""

from __future__ import annotations

import json

import pytest

from reverser.model.change import Operation
from tests.golden import recorded
from tests.golden.recorded import CHANGES, NAMES

NOT_COMPARABLE = {"deployment-scale", "deployment-scale-zero", "horizontalpodautoscaler-create-v1"}
WITHOUT_BODIES = {"secret-create", "secret-update"}
WITHOUT_CHANGE = {"configmap-delete-dry-run", "deployment-update-dry-run"}


def test_the_cases_are_there() -> None:
    """A dozen kinds and more, and each request that changed nothing is one of those known."""
    assert len({name.partition("-")[0] for name in NAMES}) >= 12
    assert set(NAMES) - set(CHANGES) == WITHOUT_CHANGE


@pytest.mark.parametrize("name", CHANGES)
def test_admission_knows_the_change(name: str) -> None:
    """Uid, operation, the version before and the digest of the content are those of the watch."""
    fact, events = recorded.admitted(name), recorded.watched(name)

    assert fact is not None
    assert fact.uid == events[-1]["object"]["metadata"]["uid"]
    assert fact.name == events[-1]["object"]["metadata"]["name"]
    assert fact.namespace == events[-1]["object"]["metadata"].get("namespace", "")
    assert fact.operation is recorded.operation_of(name)
    before = events[-2]["object"]["metadata"]["resourceVersion"] if len(events) > 1 else ""
    assert fact.previous_version == before
    if fact.operation is Operation.DELETE or name in NOT_COMPARABLE:
        assert fact.digest == b""
    else:
        assert len(fact.digest) == 16
        assert fact.digest == recorded.digest_of_change(name)


@pytest.mark.parametrize("name", sorted(set(CHANGES) - WITHOUT_BODIES))
def test_audit_knows_the_change(name: str) -> None:
    """Uid and operation are those of the watch, and so is the version unless a deletion is answered."""
    fact, change = recorded.audited(name), recorded.watched(name)[-1]["object"]

    assert fact is not None
    assert fact.operation is recorded.operation_of(name)
    if fact.collection:
        assert change["metadata"]["uid"] in fact.uids
        return
    assert fact.uid == change["metadata"]["uid"]
    assert fact.name == change["metadata"]["name"]
    assert fact.namespace == change["metadata"].get("namespace", "")
    if fact.operation is not Operation.DELETE:
        assert fact.version == change["metadata"]["resourceVersion"]


@pytest.mark.parametrize("name", sorted(set(CHANGES) - WITHOUT_BODIES))
def test_both_name_the_same_actor(name: str) -> None:
    """The effective user is the same to both, groups included."""
    admitted, audited = recorded.admitted(name), recorded.audited(name)

    assert admitted is not None
    assert audited is not None
    assert admitted.actor == audited.actor
    assert admitted.actor.name in ("admin", "alice", "bob", "carol")


@pytest.mark.parametrize("name", sorted(WITHOUT_CHANGE))
def test_a_dry_run_is_no_fact(name: str) -> None:
    """Neither side makes a fact of it, whether the URI says so or the body."""
    assert recorded.admitted(name) is None
    assert recorded.audited(name) is None


@pytest.mark.parametrize("name", sorted(WITHOUT_BODIES))
def test_without_bodies_there_is_no_fact(name: str) -> None:
    """An event of level Metadata tells no version, so it joins nothing."""
    assert recorded.audited(name) is None


@pytest.mark.parametrize(("name", "replicas"), [("deployment-scale", 5), ("deployment-scale-zero", 0)])
def test_a_scale_tells_its_number(name: str, replicas: int) -> None:
    """Zero too, which the API server leaves out."""
    admitted, audited = recorded.admitted(name), recorded.audited(name)

    assert admitted is not None
    assert audited is not None
    assert (admitted.subresource, admitted.replicas, audited.replicas) == ("scale", replicas, replicas)
    assert recorded.watched(name)[-1]["object"]["spec"]["replicas"] == replicas


def test_impersonation_names_both() -> None:
    """The actor is who was impersonated; audit also knows by whom."""
    fact = recorded.audited("configmap-update-impersonated")

    assert fact is not None
    assert (fact.actor.name, fact.impersonator) == ("carol", "alice")


def test_a_deletion_tells_the_owners() -> None:
    """The uids of the ownerReferences, for following cascades."""
    fact = recorded.admitted("configmap-delete")
    before = recorded.watched("configmap-delete")[0]["object"]

    assert fact is not None
    assert list(fact.owners) == [owner["uid"] for owner in before["metadata"]["ownerReferences"]]


def test_no_value_of_a_secret_is_in_a_fact() -> None:
    """Neither plain nor as it was sent."""
    texts = [repr(recorded.admitted(name)) for name in NAMES] + [
        repr(recorded.audited(name)) for name in NAMES
    ]
    values = [
        value
        for name in ("secret-create", "secret-update")
        for value in json.loads(recorded.review_body(name))["request"]["object"]["data"].values()
    ]

    assert len(values) == 2
    assert not any(value in text for value in [*values, "CANARY"] for text in texts)


def test_the_digest_tells_contents_apart() -> None:
    """The object before the change has another digest than the one after it."""
    for name in ("deployment-update", "secret-update", "service-update", "pod-resize", "thing-update"):
        before = recorded.watched(name)[0]["object"]
        assert recorded.digest_of(name, before) != recorded.digest_of_change(name), name
