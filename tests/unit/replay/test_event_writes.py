"""One event of an audit log becomes writes, a gap, or nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reverser.attribution.payloads import UndecodableError
from reverser.model.attribution import Evidence
from reverser.model.change import Operation
from reverser.model.resource import ResourceType
from reverser.replay.event_writes import leftover
from reverser.replay.resource_types import LoggedTypes
from reverser.replay.write import EmptiedNamespace, Form, Gap
from tests.audit_events import event, ref, stored
from tests.replayed import DATABASES, everything, found, one

DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "databases.example.com", "uid": "c1", "resourceVersion": "2"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "databases", "kind": "Database", "singular": "database", "shortNames": ["db"]},
        "versions": [{"name": "v1", "served": True}],
    },
}


def gap(**fields: Any) -> Gap:
    result = found(**fields)
    assert isinstance(result, Gap), result
    return result


def test_a_response_is_the_state() -> None:
    """With who wrote it, when, and which version it made."""
    write = one(impersonatedUser={"username": "carol"})

    assert (write.form, write.operation, write.body) == (Form.WHOLE, Operation.UPDATE, stored())
    assert (write.namespace, write.name, write.uid, write.version) == ("shop", "a", "u1", 6)
    assert write.type == ResourceType(
        "",
        "v1",
        "configmaps",
        "ConfigMap",
        True,
        short_names=("cm",),
        singular="configmap",
        subresources=("status",),
    )
    assert write.at == 1795450965750000
    assert write.attribution.evidence is Evidence.AUDIT
    assert (write.attribution.actor.name, write.attribution.impersonator) == ("carol", "alice")
    assert (write.attribution.manager, write.attribution.user_agent) == ("kubectl-edit", "kubectl/v1.34")


@pytest.mark.parametrize(
    "silent",
    [
        {"verb": "get"},
        {"stage": "RequestReceived"},
        {"stage": "Panic"},
        {"responseStatus": {"code": 409}},
        {"responseStatus": {"code": 301}},
        {"objectRef": None},
        {"objectRef": ref(subresource="status")},
        {"objectRef": ref(subresource="token"), "verb": "create", "responseStatus": {"code": 201}},
        {"objectRef": ref(subresource="approval"), "verb": "update", "responseObject": None},
        {"requestURI": "/api/v1/namespaces/shop/configmaps/a?dryRun=All"},
        {"verb": "delete", "requestObject": {"kind": "DeleteOptions", "dryRun": ["All"]}},
        {"verb": "create", "responseObject": {"kind": "SubjectAccessReview", "metadata": {"name": "a"}}},
    ],
    ids=repr,
)
def test_what_changed_nothing_is_nothing(silent: dict[str, Any]) -> None:
    """Reads, failures, other stages, status, commands, dry runs, and reviews that nobody keeps."""
    assert found(**silent) is None


def test_unwanted_types_are_not_looked_at() -> None:
    """Events of types that nobody wants are skipped, whatever their bodies are."""
    assert found(wants=lambda type_: type_.resource != "configmaps", level="Metadata") == ()


def test_a_deletion_may_be_answered_by_a_status_or_the_object() -> None:
    """Both say which object it was; the kind is the one that was seen last."""
    types = LoggedTypes()
    one(types)
    status = {"code": 200, "details": {"uid": "u1"}}
    bare = one(
        types, verb="delete", requestObject=None, responseObject={"kind": "Status"}, responseStatus=status
    )
    full = one(types, verb="delete", requestObject=None, responseObject=stored(resourceVersion="9"))

    assert (bare.form, bare.uid, bare.version, bare.type.kind) == (Form.REMOVED, "u1", 0, "ConfigMap")
    assert (full.form, full.uid, full.version, full.type.kind) == (Form.REMOVED, "u1", 9, "ConfigMap")


def test_a_collection_is_a_deletion_of_each() -> None:
    """As its response names them, in whatever form."""
    items = [{"metadata": {"name": name, "namespace": "shop", "uid": f"u-{name}"}} for name in "ab"]
    collection = {"verb": "deletecollection", "objectRef": {"resource": "configmaps", "namespace": "shop"}}
    collection |= {"requestObject": None}
    table = {"kind": "Table", "rows": [{"object": item} for item in items]}
    for body in ({"kind": "ConfigMapList", "items": items}, table):
        result = found(**collection, responseObject=body)

        assert isinstance(result, tuple)
        assert [(write.name, write.uid, write.form) for write in result] == [
            ("a", "u-a", Form.REMOVED),
            ("b", "u-b", Form.REMOVED),
        ]
        assert {write.attribution.evidence for write in result} == {Evidence.AUDIT_COLLECTION}
    assert "collection" in gap(**collection, level="Request", responseObject=None).reason


def test_at_level_request_the_body_is_the_state_as_it_was_asked() -> None:
    """Completed by what stands in the path; the uid that a copied body names is not its own."""
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"uid": "old"}, "data": {"x": "1"}}
    reference = ref(uid="old")
    created = one(
        level="Request", verb="create", requestObject=body, responseObject=None,
        responseStatus={"code": 201}, objectRef=reference,
    )  # fmt: skip

    assert (created.form, created.operation, created.uid, created.version) == (
        Form.WHOLE,
        Operation.CREATE,
        "",
        0,
    )
    assert created.body["metadata"] == {"uid": "old", "name": "a", "namespace": "shop"}


@pytest.mark.parametrize(
    ("reference", "patch", "merges"),
    [
        (ref(), {"data": {"x": "1", "y": None}}, True),
        (ref(), {"metadata": {"finalizers": ["a"]}}, False),
        (ref(), {"data": {"$retainKeys": "x"}}, False),
        (ref(), {"apiVersion": "v1", "kind": "ConfigMap", "data": {}}, False),
        (ref(), [{"op": "remove", "path": "/data"}], False),
        (DATABASES, {"spec": {"users": ["a"]}}, True),
        (DATABASES, {"apiVersion": "example.com/v1", "kind": "Database", "spec": {}}, False),
    ],
    ids=repr,
)
def test_a_patch_alone_is_a_write_only_where_it_can_mean_one_thing(
    reference: dict[str, Any], patch: Any, merges: bool
) -> None:
    """Lists and dollar keys are merged by a schema, an apply by owners; neither is guessed at."""
    result = found(level="Request", objectRef=reference, requestObject=patch, responseObject=None)

    if merges:
        assert isinstance(result, tuple)
        assert (result[0].form, result[0].body) == (Form.PATCH, patch)
    else:
        assert isinstance(result, Gap)
        assert (result.user, result.name) == ("alice", "a")


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"level": "Metadata", "responseObject": None, "requestObject": None}, "bodies"),
        ({"annotations": {"audit.k8s.io/truncated": "true"}}, "bodies"),
        ({"level": "Metadata", "verb": "delete", "requestObject": None}, "bodies"),
        ({"objectRef": ref(subresource="resize"), "responseObject": None}, "subresource"),
        ({"verb": "create", "objectRef": {"resource": "configmaps", "namespace": "shop"},
          "responseObject": None,
          "requestObject": {"kind": "ConfigMap", "metadata": {"generateName": "a-"}}}, "generated name"),
        ({"verb": "update", "responseObject": None, "requestObject": {"data": {}}}, "kind"),
        ({"objectRef": ref(subresource="scale"), "responseObject": None, "requestObject": None}, "number"),
    ],
    ids=repr,
)  # fmt: skip
def test_what_cannot_be_told_is_a_gap(fields: dict[str, Any], word: str) -> None:
    """Counted under what is missing, never filled with something made up."""
    assert word in gap(**fields).reason


@pytest.mark.parametrize(
    "bodies",
    [
        {"responseObject": {"kind": "Scale", "metadata": stored()["metadata"], "spec": {"replicas": 4}}},
        {"responseObject": None, "requestObject": {"spec": {"replicas": 4}}},
        {"responseObject": None, "requestObject": {"kind": "Scale", "spec": {"replicas": 4}}},
    ],
    ids=repr,
)
def test_a_scale_tells_one_number(bodies: dict[str, Any]) -> None:
    """From the response, or from what was asked."""
    write = one(objectRef=ref(subresource="scale"), **bodies)

    assert (write.form, write.body) == (Form.REPLICAS, {"spec": {"replicas": 4}})


def test_a_table_as_an_answer_leaves_the_request_as_the_state() -> None:
    """The uid and the version stand in its row."""
    row = {"object": {"kind": "PartialObjectMetadata", "metadata": stored()["metadata"]}}
    write = one(
        verb="update",
        requestObject=stored(resourceVersion="5"),
        responseObject={"kind": "Table", "rows": [row]},
    )

    assert (write.body["data"], write.uid, write.version) == ({"x": "CANARY"}, "u1", 6)


def test_a_definition_teaches_its_type() -> None:
    """Short names, and whether status is a subresource: without it, status is a field like every other."""
    types, custom = (
        LoggedTypes(),
        {"apiVersion": "example.com/v1", "kind": "Database", "metadata": stored()["metadata"]},
    )
    before = one(types, objectRef=DATABASES, responseObject=custom).type
    definitions = {"resource": "customresourcedefinitions", "apiGroup": "apiextensions.k8s.io", "name": "d"}
    found(types, objectRef=definitions, responseObject=DEFINITION)
    after = one(types, objectRef=DATABASES, responseObject=custom).type

    assert (before.has_status, before.short_names, types.doubtful(after, ["db"])) == (True, (), "")
    assert (after.has_status, after.short_names, after.singular) == (False, ("db",), "database")


def test_managed_fields_show_that_a_status_is_content() -> None:
    """Where somebody wrote it without the subresource."""
    managed = {"manager": "m", "fieldsV1": {"f:status": {}}}
    custom = {
        "apiVersion": "example.com/v1",
        "kind": "Database",
        "metadata": {**stored()["metadata"], "managedFields": [managed]},
        "status": {"x": 1},
    }

    assert not one(objectRef=DATABASES, responseObject=custom).type.has_status


@pytest.mark.parametrize(
    ("pattern", "doubtful"),
    [
        ("db", True),
        ("db.example.com", True),
        ("db.other.com", False),
        ("databases", False),
        ("*", False),
        ("secrets", False),
    ],
)
def test_a_name_that_may_be_a_short_one_is_a_doubt(pattern: str, doubtful: bool) -> None:
    """A log does not tell short names of custom types; of built-in types they are known."""
    types = LoggedTypes()
    custom = types.type("example.com", "databases", "example.com/v1", "Database", namespaced=True)
    builtin = types.type("", "configmaps", "v1", "ConfigMap", namespaced=True)

    assert types.doubtful(custom, [pattern]) == (pattern if doubtful else "")
    assert types.doubtful(builtin, [pattern]) == ""


def test_a_time_that_cannot_be_read_is_an_error() -> None:
    """A time that cannot be read is an error that quotes nothing of the event."""
    with pytest.raises(UndecodableError):
        found(stageTimestamp="yesterday")


COLLECTION: dict[str, Any] = {
    "verb": "deletecollection",
    "objectRef": {"resource": "configmaps", "namespace": "shop", "apiVersion": "v1"},
    "requestObject": {"kind": "DeleteOptions"},
    "responseObject": {"kind": "Status"},
}


@pytest.mark.parametrize(
    ("code", "annotations", "partly"),
    [
        (422, {}, True),
        (403, {"authorization.k8s.io/decision": "allow"}, True),
        (500, {}, True),
        (504, {}, True),
        (403, {"authorization.k8s.io/decision": "forbid"}, False),
        (404, {}, False),
        (405, {}, False),
    ],
)
def test_a_deletion_of_a_collection_that_failed_may_have_deleted_some(
    code: int, annotations: dict[str, str], partly: bool
) -> None:
    """It is a gap for every object of the type and namespace, unless it was refused before."""
    result = found(**COLLECTION, responseStatus={"code": code}, annotations=annotations)

    assert isinstance(result, Gap) is partly
    if isinstance(result, Gap):
        assert (result.collection, result.namespace, result.type.name) == (True, "shop", "configmaps")
        assert "may be deleted" in result.reason


@pytest.mark.parametrize("level", ["RequestResponse", "Metadata"])
@pytest.mark.parametrize("verb", ["create", "update", "patch", "delete"])
@pytest.mark.parametrize(
    "ending", [{"responseStatus": {"code": 504}}, {"stage": "Panic"}, {"responseStatus": {}}]
)
def test_a_write_that_may_have_been_stored_is_a_gap(level: str, verb: str, ending: dict[str, Any]) -> None:
    """Whatever it asked for: an error after the write says nothing about the write."""
    ending = {"responseStatus": {"code": 500}, "responseObject": {"kind": "Status"}, **ending}

    told = gap(level=level, verb=verb, requestObject=None, **ending)

    assert (told.user, told.name, told.collection) == ("alice", "a", False)
    assert "may be stored" in told.reason


@pytest.mark.parametrize(
    "fields",
    [
        {"responseStatus": {"code": 409}},
        {"verb": "get", "responseStatus": {"code": 504}},
        {"stage": "RequestReceived", "responseStatus": {}},
        {"requestURI": "/a?dryRun=All", "responseStatus": {"code": 504}},
        {"verb": "delete", "requestObject": {"dryRun": ["All"]}, "responseStatus": {"code": 504}},
        {"objectRef": ref(subresource="status"), "responseStatus": {"code": 504}},
        {"verb": "create", "objectRef": ref(subresource="eviction"), "responseStatus": {"code": 500}},
        {**COLLECTION, "requestObject": {"dryRun": ["All"]}, "responseStatus": {"code": 422}},
    ],
    ids=repr,
)
def test_what_surely_changed_nothing_is_no_gap(fields: dict[str, Any]) -> None:
    """Refused writes, reads, requests that have just begun, and dry runs."""
    assert found(**fields) is None


NAMESPACE = {"kind": "Namespace", "metadata": {"name": "shop", "deletionTimestamp": "2026-01-02T00:00:00Z"}}
FINALIZED = {
    "verb": "update",
    "objectRef": {"resource": "namespaces", "namespace": "shop", "name": "shop", "subresource": "finalize"},
    "user": {"username": "system:serviceaccount:kube-system:namespace-controller"},
    "level": "Request",
    "requestObject": {**NAMESPACE, "spec": {}},
    "responseObject": None,
}


@pytest.mark.parametrize("level", ["Request", "RequestResponse"])
def test_a_namespace_that_kubernetes_lets_go_is_empty(level: str) -> None:
    """Its finalizer is taken away when nothing is left in it."""
    stored = FINALIZED["requestObject"] if level == "RequestResponse" else None

    result = found(**{**FINALIZED, "level": level, "responseObject": stored}, wants=lambda _: False)

    assert isinstance(result, EmptiedNamespace)
    assert (result.namespace, result.audit_id) == ("shop", "a1")
    assert result.attribution.evidence is Evidence.AUDIT_COLLECTION


@pytest.mark.parametrize(
    "fields",
    [
        {"user": {"username": "alice"}},
        {"requestObject": {**NAMESPACE, "spec": {"finalizers": ["kubernetes"]}}},
        {"requestObject": {"kind": "Namespace", "metadata": {"name": "shop"}, "spec": {}}},
        {"level": "Metadata", "requestObject": None},
        {"responseStatus": {"code": 409}},
    ],
    ids=repr,
)
def test_a_namespace_that_somebody_else_lets_go_may_hold_anything(fields: dict[str, Any]) -> None:
    """Anybody may take the finalizer away, and a request may be refused."""
    assert not isinstance(found(**{**FINALIZED, **fields}), EmptiedNamespace)


def test_a_line_that_cannot_be_read_is_a_gap_for_its_object() -> None:
    """At the time that it tells, or else at that of the lines before it."""
    line = json.dumps(event(requestObject={"x": 1})).encode().replace(b'"x": 1', b'"x": }')
    without = line.replace(b'"stageTimestamp"', b'"other"')

    for each, at in ((line, 1795450965750000), (without, 7)):
        lost = leftover(each, LoggedTypes(), everything, 7)
        assert lost is not None
        assert (lost.namespace, lost.name, lost.user, lost.at) == ("shop", "a", "alice", at)
    assert leftover(line, LoggedTypes(), lambda _: False, 7) is None
    assert leftover(b"rubbish", LoggedTypes(), everything, 7) is None
    assert leftover(line.replace(b'"patch"', b'"get"'), LoggedTypes(), everything, 7) is None
