"""The digest that joins: equal for what is stored as it was asked for, different for all else."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from reverser.attribution.object_digest import evidence_digest
from reverser.model.resource import ObjectKey, ResourceType

DIGEST_KEY = b"d" * 32
SERVICES = ResourceType("", "v1", "services", "Service", True, subresources=("status",))
SECRETS = ResourceType("", "v1", "secrets", "Secret", True)
CONFIG_MAPS = ResourceType("", "v1", "configmaps", "ConfigMap", True)
JOBS = ResourceType("batch", "v1", "jobs", "Job", True, subresources=("status",))
ROLES = ResourceType("rbac.authorization.k8s.io", "v1", "roles", "Role", True)
WIDGETS = ResourceType("example.com", "v1", "widgets", "Widget", True, subresources=("status",))


def digest(obj: Any, type: ResourceType = SERVICES, key: bytes = DIGEST_KEY) -> bytes:  # noqa: A002
    return evidence_digest(obj, ObjectKey("default", type.group, type.resource, "shop", "a"), type, key)


def made(type: ResourceType, **fields: Any) -> dict[str, Any]:  # noqa: A002
    metadata = {"name": "a", "namespace": "shop", **fields.pop("metadata", {})}
    return {"apiVersion": type.api_version, "kind": type.kind, "metadata": metadata, **fields}


def service(**metadata: Any) -> dict[str, Any]:
    return made(SERVICES, metadata=metadata, spec={"clusterIP": "10.0.0.7", "ports": [{"port": 80}]})


@pytest.mark.parametrize(
    "added",
    [
        {"metadata": {"resourceVersion": "7"}},
        {"metadata": {"generation": 2, "uid": "u"}},
        {"metadata": {"managedFields": [{"manager": "m", "apiVersion": "v1", "fieldsV1": {"f:spec": {}}}]}},
        {"status": {"loadBalancer": {}}},
    ],
    ids=["version", "generation", "managers", "status"],
)
def test_what_is_added_when_it_is_stored_makes_no_difference(added: dict[str, Any]) -> None:
    """Versions, managers and status are not what was asked for."""
    asked = service()
    stored = {**asked, **added, "metadata": {**asked["metadata"], **added.get("metadata", {})}}

    assert digest(stored) == digest(asked)
    assert len(digest(asked)) == 16


def test_managers_do_not_decide_what_counts() -> None:
    """An address is part of the digest, whether or not managedFields says that somebody owns it."""
    owner = {"manager": "kubectl", "apiVersion": "v1", "fieldsV1": {"f:spec": {"f:type": {}}}}
    moved = service()
    moved["spec"]["clusterIP"] = "10.0.0.8"

    assert digest(service(managedFields=[owner])) == digest(service(managedFields=[]))
    assert digest(service()) != digest(moved)


def test_a_jobs_own_labels_make_no_difference() -> None:
    """The API server puts them there after admission."""
    asked = made(JOBS, spec={"template": {"metadata": {}, "spec": {"containers": []}}})
    stored = copy.deepcopy(asked)
    own = {"batch.kubernetes.io/controller-uid": "u", "controller-uid": "u", "job-name": "a"}
    stored["metadata"]["labels"] = own
    stored["spec"]["template"]["metadata"]["labels"] = own
    stored["spec"]["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": "u"}}

    assert digest(stored, JOBS) == digest(asked, JOBS)


@pytest.mark.parametrize(("type_", "field"), [(SECRETS, "data"), (CONFIG_MAPS, "binaryData")])
def test_bytes_that_are_null_are_stored_empty(type_: ResourceType, field: str) -> None:
    """`data: {key: }`, as templates write it; a key that is missing is something else."""
    assert digest(made(type_, **{field: {"a": None}}), type_) == digest(
        made(type_, **{field: {"a": ""}}), type_
    )
    assert digest(made(type_, **{field: {"a": None}}), type_) != digest(made(type_, **{field: {}}), type_)
    assert digest(made(type_, **{field: None}), type_) == digest(made(type_), type_)


def test_a_built_in_type_forgets_empty_lists() -> None:
    """`rules: []` is null when it is read back; of a custom resource nothing is forgotten."""
    assert digest(made(ROLES, rules=[]), ROLES) == digest(made(ROLES, rules=None), ROLES)
    assert digest(made(WIDGETS, rules=[]), WIDGETS) != digest(made(WIDGETS, rules=None), WIDGETS)


def test_the_values_of_a_secret_count() -> None:
    """A rotation has another digest, and another key makes all digests others."""
    old, new = (made(SECRETS, data={"password": value}) for value in ("YQ==", "Yg=="))

    assert digest(old, SECRETS) != digest(new, SECRETS)
    assert digest(old, SECRETS) != digest(old, SECRETS, b"e" * 32)
    assert digest(service()) != digest(service(), key=b"e" * 32)


def test_keys_may_come_in_any_order() -> None:
    """The order of keys does not change the digest of an object."""
    assert digest(dict(reversed(service().items()))) == digest(service())


@pytest.mark.parametrize(
    "odd",
    [
        None,
        [],
        {},
        "text",
        made(SERVICES) | {"apiVersion": "v2"},
        made(SERVICES) | {"kind": "Scale"},
        made(SERVICES) | {"metadata": None},
        made(JOBS) | {"spec": "text"},
    ],
    ids=repr,
)
def test_what_cannot_be_compared_has_no_digest(odd: Any) -> None:
    """Another kind, another version, no metadata, or a Job whose labels cannot be found."""
    assert digest(odd, JOBS if isinstance(odd, dict) and odd.get("kind") == "Job" else SERVICES) == b""


@pytest.mark.parametrize("type", [SECRETS, SERVICES, JOBS], ids=lambda each: each.kind)
def test_nothing_is_digested_without_a_key(type: ResourceType) -> None:  # noqa: A002
    """Unkeyed digests could be guessed at, and any content may be secret."""
    assert digest(made(type, data={"a": "YQ=="}), type, b"") == b""


def test_the_object_stays_as_it_is() -> None:
    """Whoever gave it goes on with it."""
    obj = service(managedFields=[{"manager": "m"}], uid="u")
    before = copy.deepcopy(obj)

    digest(obj)

    assert obj == before
