"""One audit event becomes at most one fact: who made which version of which object."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reverser.attribution.audit_event import decode_event
from reverser.attribution.fact_index import admissible
from reverser.attribution.payloads import UndecodableError
from reverser.model.attribution import Actor
from reverser.model.change import Operation
from reverser.model.fact import Source
from tests.audit_events import DONE, event, found, ref, stored, told


def test_a_write_tells_who_made_which_version() -> None:
    """All that the join needs, and no body."""
    result = told()

    assert (result.id, result.cluster, result.source) == ("a1/ResponseComplete", "default", Source.AUDIT)
    assert (result.group, result.resource, result.namespace, result.name) == ("", "configmaps", "shop", "a")
    assert (result.uid, result.operation, result.version) == ("u1", Operation.UPDATE, "6")
    assert (result.manager, result.user_agent, result.digest) == ("kubectl-edit", "kubectl/v1.34", b"")
    assert result.actor == Actor("alice", ("dev",))
    assert result.completed_at - result.at == 0.25
    assert admissible(result)
    assert "CANARY" not in repr(result)


@pytest.mark.parametrize(
    ("verb", "code", "operation"),
    [
        ("create", 201, Operation.CREATE),
        ("create", 200, Operation.CREATE),
        ("update", 200, Operation.UPDATE),
        ("update", 201, Operation.CREATE),
        ("patch", 200, Operation.UPDATE),
        ("patch", 201, Operation.CREATE),
        ("delete", 200, Operation.DELETE),
        ("delete", 202, Operation.DELETE),
    ],
)
def test_the_code_says_what_is_new(verb: str, code: int, operation: Operation) -> None:
    """An apply or an update that answers 201 has created the object."""
    assert told(verb=verb, responseStatus={"code": code}).operation is operation


@pytest.mark.parametrize(
    "useless",
    [
        {"stage": "RequestReceived"},
        {"stage": "Panic"},
        {"verb": "get"},
        {"verb": "watch"},
        {"responseStatus": {"code": 409}},
        {"responseStatus": {"code": 301}},
        {"responseStatus": {"code": 101}},
        {"responseStatus": None},
        {"objectRef": None},
        {"objectRef": ref(subresource="status")},
        {"objectRef": ref(subresource="eviction"), "verb": "create", "responseStatus": {"code": 201}},
        {"objectRef": ref(subresource="token"), "verb": "create", "responseStatus": {"code": 201}},
        {"requestURI": "/api/v1/namespaces/shop/configmaps/a?dryRun=All"},
        {"verb": "delete", "requestObject": {"kind": "DeleteOptions", "dryRun": ["All"]}},
        {"responseObject": None},
        {"responseObject": stored(uid="")},
        {"responseObject": stored(resourceVersion="")},
        {"level": "Metadata", "responseObject": None, "objectRef": ref(uid="u1", resourceVersion="5")},
    ],
    ids=repr,
)
def test_what_changed_nothing_or_tells_not_what_is_no_fact(useless: dict[str, Any]) -> None:
    """Reads, failures, other stages, dry runs, commands, and answers without a version."""
    assert found(**useless) is None


def test_a_deletion_may_be_answered_by_a_status() -> None:
    """Its uid stands in the status, also where the response's body is not told."""
    status = {"code": 200, "details": {"name": "a", "kind": "configmaps", "uid": "u1"}}
    body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "details": status["details"]}

    full = told(verb="delete", responseStatus=status, responseObject=body, requestObject=None)
    bare = told(verb="delete", responseStatus=status, responseObject=None, level="Request")

    assert (full.uid, full.name, full.version, full.operation) == ("u1", "a", "", Operation.DELETE)
    assert bare == full
    assert admissible(full)


@pytest.mark.parametrize(
    "silent", [{"level": "Metadata"}, {"annotations": {"audit.k8s.io/truncated": "true"}}], ids=repr
)
@pytest.mark.parametrize("verb", ["delete", "deletecollection"])
def test_a_deletion_without_its_body_is_no_fact(verb: str, silent: dict[str, Any]) -> None:
    """Its dry run would look just the same."""
    status = {"code": 200, "details": {"uid": "u1"}}

    assert found(verb=verb, responseStatus=status, requestObject=None, responseObject=None, **silent) is None


def test_a_deletion_may_be_answered_by_the_object() -> None:
    """With the version that first shows the deletion, when finalizers or a grace hold it back."""
    body = stored(deletionTimestamp=DONE, resourceVersion="9")

    assert told(verb="delete", responseObject=body).version == "9"


def test_a_generated_name_is_in_the_response() -> None:
    """The reference of such a creation has none."""
    nameless = ref()
    del nameless["name"]

    assert told(verb="create", responseStatus={"code": 201}, objectRef=nameless).name == "a"


def test_impersonation_names_both() -> None:
    """The actor is the effective user."""
    result = told(impersonatedUser={"username": "carol"})

    assert (result.actor, result.impersonator) == (Actor("carol"), "alice")
    assert told().impersonator == ""


@pytest.mark.parametrize(
    ("fields", "met"),
    [
        ({"objectRef": ref(resourceVersion="6")}, "6"),
        ({"requestObject": {"metadata": {"resourceVersion": "5"}}}, "5"),
        ({"requestObject": [{"op": "test", "path": "/x"}]}, ""),
        ({"requestObject": None}, ""),
    ],
    ids=repr,
)
def test_the_version_that_a_request_names(fields: dict[str, Any], met: str) -> None:
    """From the reference, or from the patch; equal to the one in the response, nothing was changed."""
    result = told(**fields)

    assert result.previous_version == met
    assert admissible(result) is (met != "6")


@pytest.mark.parametrize(("spec", "replicas"), [({"replicas": 3}, 3), ({}, 0)])
def test_a_scale_tells_its_number(spec: dict[str, int], replicas: int) -> None:
    """With the uid and the version of the parent."""
    body = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": stored()["metadata"], "spec": spec}
    result = told(objectRef=ref(subresource="scale"), responseObject=body)

    assert (result.subresource, result.replicas, result.uid, result.version) == ("scale", replicas, "u1", "6")


def test_an_answer_may_be_a_table() -> None:
    """A client may ask for it; the object's metadata are in the row."""
    partial = {"kind": "PartialObjectMetadata", "metadata": stored()["metadata"]}
    rows: list[dict[str, Any]] = [{"cells": [], "object": partial}]
    table = {"kind": "Table", "metadata": {"resourceVersion": "8"}}

    assert told(responseObject={**table, "rows": rows}) == told()
    assert found(responseObject={**table, "rows": rows * 2}) is None


def test_a_namespace_is_in_no_namespace() -> None:
    """Though its requests carry its own name as one; its deletion is told even without a uid."""
    result = told(
        verb="delete", objectRef={"resource": "namespaces", "namespace": "shop", "name": "shop"},
        level="Request", responseObject=None,
    )  # fmt: skip

    assert (result.namespace, result.name, result.uid) == ("", "shop", "")


URI = "/api/v1/namespaces/shop/configmaps"


def collection(**fields: Any) -> dict[str, Any]:
    items = [{"metadata": {"name": name, "uid": f"u-{name}"}} for name in "ab"]
    return {
        "verb": "deletecollection",
        "requestURI": f"{URI}?labelSelector=app%3Dweb%2Ctier+in+%28a%29",
        "objectRef": {"resource": "configmaps", "namespace": "shop"},
        "requestObject": None,
        "responseObject": {"kind": "ConfigMapList", "apiVersion": "v1", "items": items},
        **fields,
    }


def test_a_collection_tells_the_uids() -> None:
    """And the selector that chose them."""
    result = told(**collection())

    assert result.collection
    assert result.uids == {"u-a", "u-b"}
    assert (result.selector, result.namespace, result.uid) == ("app=web,tier in (a)", "shop", "")
    assert admissible(result)


def test_a_collection_without_a_response_tells_the_selector() -> None:
    """Then the uids are empty, which means unknown."""
    result = told(**collection(level="Request", responseObject=None))

    assert (result.uids, result.selector) == (frozenset(), "app=web,tier in (a)")


def test_the_rows_of_a_table_are_a_collection() -> None:
    """When the client asked for one."""
    rows = [{"object": {"metadata": {"uid": "u-a"}}}]

    assert told(**collection(responseObject={"kind": "Table", "rows": rows})).uids == {"u-a"}


@pytest.mark.parametrize(
    "useless",
    [
        {"responseObject": {"kind": "ConfigMapList", "items": []}},
        {"responseObject": {"kind": "ConfigMapList", "items": None}},
        {"responseObject": {"kind": "Table"}},
        {"requestURI": f"{URI}?dryRun=All"},
        {"requestObject": {"kind": "DeleteOptions", "dryRun": ["All"]}},
        {"requestURI": f"{URI}?fieldSelector=metadata.name%3Da", "responseObject": None},
        {"responseStatus": {"code": 403}},
    ],
    ids=repr,
)
def test_a_collection_that_tells_not_of_what_is_no_fact(useless: dict[str, Any]) -> None:
    """Nothing was deleted, or a field selector chose, which only the response could tell."""
    assert found(**collection(**useless)) is None


@pytest.mark.parametrize("time", ["", "yesterday", "2026-11-23T16:22:45", "9999-99-99T00:00:00Z"])
@pytest.mark.parametrize("which", ["requestReceivedTimestamp", "stageTimestamp"])
def test_a_useful_event_needs_its_times(which: str, time: str) -> None:
    """A fact without them could not be told from an echo."""
    with pytest.raises(UndecodableError):
        found(**{which: time})


def test_a_huge_event_makes_a_small_fact() -> None:
    """Whatever somebody chose to be called."""
    huge = "x" * 100_000
    result = told(
        user={"username": huge, "groups": [huge]}, userAgent=huge, auditID=huge,
        requestURI=f"/?fieldManager={huge}", objectRef=ref(name=huge, subresource=huge, apiGroup=huge),
    )  # fmt: skip

    assert len(repr(result)) < 20_000


@pytest.mark.parametrize(
    "odd", [b"", b"[]", b"null", b"{}", b'{"auditID": 5}', json.dumps(event(user="alice")).encode()]
)
def test_what_is_no_event_is_one_error(odd: bytes) -> None:
    """For replays, which read a line at a time."""
    with pytest.raises(UndecodableError):
        decode_event(odd)
