"""An AdmissionReview becomes at most one fact, and always a yes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reverser.attribution import admission_review
from reverser.attribution.fact_index import admissible
from reverser.attribution.object_digest import MOST_BYTES
from reverser.attribution.payloads import UndecodableError
from reverser.errors import ReverserError
from reverser.model.attribution import Actor
from reverser.model.change import Operation
from reverser.model.fact import Fact, Source
from reverser.webhook.admission_endpoint import allowed
from tests.admission import CONFIG_MAPS, KEY, body, config_map


def fact(**fields: Any) -> Fact | None:
    review = admission_review.decode(body(**fields))
    return admission_review.fact(review, "default", CONFIG_MAPS, KEY, 100.0)


def told(**fields: Any) -> Fact:
    found = fact(**fields)
    assert found is not None
    return found


def test_an_update_tells_who_met_what() -> None:
    """All that the join needs, and that no more."""
    found = told()

    assert (found.id, found.cluster, found.source) == ("r1", "default", Source.ADMISSION)
    assert (found.group, found.resource, found.namespace, found.name) == ("", "configmaps", "shop", "a")
    assert (found.uid, found.operation, found.previous_version) == ("u1", Operation.UPDATE, "5")
    assert (found.manager, found.at, found.version) == ("kubectl-edit", 100.0, "")
    assert found.actor == Actor("alice", ("dev",), (("team", ("red",)),))
    assert len(found.digest) == 16
    assert admissible(found)


def _stamped(*entries: tuple[str, str, str]) -> dict[str, Any]:
    found = config_map(data={"x": "2"})
    names = ("manager", "subresource", "time")
    found["metadata"]["managedFields"] = [dict(zip(names, each, strict=True)) for each in entries]
    return found


OWN, OLD = ("kubectl-edit", "", "2026-03-01T08:00:01Z"), ("helm", "", "2026-03-01T07:00:00Z")


@pytest.mark.parametrize(
    ("entries", "restamps"),
    [
        ((OWN, OLD), False),
        ((OLD,), False),
        ((OWN, ("flux", "", "2026-03-01T08:00:01Z")), True),
        ((("flux", "", "2026-03-01T08:00:01Z"), OLD), True),
        ((("kubectl-edit", "scale", "2026-03-01T08:00:01Z"), OLD), True),
        ((OWN, ("kubelet", "status", "2026-03-01T08:00:01Z")), False),
    ],
)
def test_stamps_that_the_api_server_did_not_make(entries: Any, restamps: bool) -> None:
    """Whoever sends managed fields is not ruled out by what they say."""
    assert told(object=_stamped(*entries), oldObject={**_stamped(OLD), "data": {}}).restamps is restamps


def test_a_creation_has_no_version_before() -> None:
    """Whatever the object says; its name is the one that was generated."""
    found = told(operation="CREATE", name="", oldObject=None)

    assert (found.operation, found.previous_version, found.uid, found.name) == (
        Operation.CREATE,
        "",
        "u1",
        "a",
    )
    assert admissible(found)


def test_a_deletion_is_told_by_the_old_object() -> None:
    """A deletion of a collection has no name but in there; a manager and a digest mean nothing."""
    old = config_map(metadata={"name": "b", "uid": "u2", "resourceVersion": "7",
                               "ownerReferences": [{"uid": "o1"}, {"uid": "o2"}]})  # fmt: skip
    found = told(operation="DELETE", name="", object=None, oldObject=old)

    assert (found.operation, found.uid, found.name, found.previous_version) == (
        Operation.DELETE,
        "u2",
        "b",
        "7",
    )
    assert (found.owners, found.digest, found.manager) == (("o1", "o2"), b"", "")
    assert admissible(found)


@pytest.mark.parametrize(
    "useless",
    [
        {"dryRun": True},
        {"operation": "CONNECT"},
        {"operation": "create"},
        {"subResource": "status"},
        {"subResource": "token", "operation": "CREATE"},
        {"subResource": "binding", "operation": "CREATE"},
        {"subResource": "eviction", "operation": "CREATE"},
        {"subResource": "scale", "operation": "CREATE"},
        {"object": config_map()},
        {"object": None},
        {"object": "text"},
        {"object": config_map(metadata={"uid": 5})},
        {"operation": "DELETE", "oldObject": None},
    ],
    ids=repr,
)
def test_what_can_change_nothing_is_no_fact(useless: dict[str, Any]) -> None:
    """Dry runs, commands, status, updates of nothing, and objects without identity."""
    assert fact(**useless) is None


@pytest.mark.parametrize(("spec", "replicas"), [({"replicas": 3}, 3), ({}, 0)])
def test_a_scale_tells_its_number(spec: dict[str, int], replicas: int) -> None:
    """And is not compared by content; zero is left out on the wire."""
    scale = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"uid": "u1"}, "spec": spec}
    found = told(subResource="scale", object=scale)

    assert (found.subresource, found.replicas, found.digest) == ("scale", replicas, b"")


def test_only_a_scale_tells_a_number() -> None:
    """Not a body of another kind that happens to have the field."""
    assert told(object=config_map(spec={"replicas": 3})).replicas is None
    assert told(subResource="scale", object=config_map(spec={"replicas": 3})).replicas is None


def test_another_served_version_is_not_compared() -> None:
    """Its content reads otherwise than that of the watched one."""
    assert told(object=config_map(apiVersion="v1beta1")).digest == b""


def test_a_type_that_is_not_watched_is_not_compared() -> None:
    """The fact stays: its deletion may be the cause of others."""
    review = admission_review.decode(body())

    found = admission_review.fact(review, "default", None, KEY, 100.0)

    assert found is not None
    assert found.digest == b""


def test_a_large_object_is_told_by_its_key_alone() -> None:
    """Up to the limit it is digested."""
    room = MOST_BYTES - len(json.dumps(config_map(data={"x": ""})))

    assert len(told(object=config_map(data={"x": "a" * room})).digest) == 16
    assert told(object=config_map(data={"x": "a" * (room + 1)})).digest == b""


def test_a_namespace_is_in_no_namespace() -> None:
    """Though its requests carry its own name as one."""
    found = told(
        resource={"group": "", "version": "v1", "resource": "namespaces"}, namespace="shop", name="shop"
    )

    assert found.namespace == ""


def test_a_huge_user_is_bounded() -> None:
    """No fact holds more than a few kilobytes of what somebody chose to be called."""
    found = told(userInfo={"username": "u" * 100_000, "extra": {"k": ["v" * 100_000]}}, name="n" * 100_000)

    assert len(repr(found)) < 10_000


def test_users_may_lack_everything() -> None:
    """Null is what Go writes for an empty list."""
    assert told(userInfo={"username": "a", "groups": None, "extra": None}).actor == Actor("a")
    assert told(userInfo={"username": "a", "extra": {"k": None}}).actor == Actor("a", (), (("k", ()),))


def test_the_answer_is_yes() -> None:
    """With the uid of the review, for every request that can be read."""
    answers = [
        json.loads(allowed(admission_review.decode(body(**fields))))
        for fields in ({}, {"object": "text"}, {"dryRun": True}, {"operation": "?"})
    ]

    assert (
        answers
        == [
            {
                "apiVersion": "admission.k8s.io/v1",
                "kind": "AdmissionReview",
                "response": {"uid": "r1", "allowed": True},
            }
        ]
        * 4
    )


@pytest.mark.parametrize(
    "odd",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        body(uid=""),
        body(uid=5),
        body(userInfo="alice"),
        body().replace(b"AdmissionReview", b"Something"),
        body().replace(b"k8s.io/v1", b"k8s.io/v1beta1"),
        body().replace(b'"request"', b'"response"'),
        body(name="CANARY\ud800"),
    ],
    ids=range(13),
)
def test_what_is_no_review_is_one_error(odd: bytes) -> None:
    """And the error quotes nothing."""
    with pytest.raises(UndecodableError) as caught:
        admission_review.decode(odd)

    assert isinstance(caught.value, ReverserError)
    assert "CANARY" not in str(caught.value)
