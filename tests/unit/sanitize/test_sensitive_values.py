"""What the user calls sensitive never leaves the sanitizer."""

from __future__ import annotations

from typing import Any

import pytest

from reverser.config import parse
from reverser.errors import ConfigError, WithheldError
from reverser.model.resource import ObjectKey, ResourceType
from reverser.model.rule import SensitiveRule
from reverser.sanitize.document import Policy, sanitize

DATABASES = ResourceType("example.com", "v1", "databases", "Database", True)
MAPS = ResourceType("", "v1", "configmaps", "ConfigMap", True)
USERS = [{"name": "a", "token": "canary-2"}, {"name": "b", "token": 7}]
SPEC = {"password": "canary-1", "users": USERS, "size": 3}


def content(
    type_: ResourceType, secrets: Any, rule: SensitiveRule, key: bytes = b"k", **fields: Any
) -> dict[str, Any]:
    """The document of an object with these fields."""
    metadata = {"name": "x", "namespace": "shop", "labels": {"app": "x"}, "annotations": {"note": "canary-3"}}
    obj = {"apiVersion": type_.api_version, "kind": type_.kind, "metadata": metadata, **fields}
    policy = Policy(style="full", secrets=secrets, mask_key=key, sensitive=(rule,))
    found = sanitize(obj, ObjectKey("default", type_.group, type_.resource, "shop", "x"), type_, policy)
    assert obj["metadata"] == metadata
    return found.content


def test_paths_are_left_out_or_masked() -> None:
    """Under omit the fields go; under mask each value is a digest of its own, stable under one key."""
    rule = SensitiveRule(("databases.example.com",), paths=("spec.password", "spec.users[*].token"))

    omitted = content(DATABASES, "omit", rule, spec=SPEC)
    assert omitted["spec"] == {"size": 3, "users": [{"name": "a"}, {"name": "b"}]}
    masked = content(DATABASES, "mask", rule, spec=SPEC)
    assert masked["spec"]["password"].startswith("hmac:")
    assert masked["spec"]["users"][1]["token"].startswith("hmac:")
    assert masked == content(DATABASES, "mask", rule, spec=SPEC)
    assert masked != content(DATABASES, "mask", rule, b"other", spec=SPEC)
    assert masked != content(DATABASES, "mask", rule, spec={**SPEC, "password": "rotated"})
    assert "canary-1" not in str(masked)


def test_a_masked_map_keeps_its_shape() -> None:
    """Which fields there are still shows."""
    rule = SensitiveRule(("databases",), paths=("spec.users",))
    users = content(DATABASES, "mask", rule, spec=SPEC)["spec"]["users"]

    assert [sorted(user) for user in users] == [["name", "token"], ["name", "token"]]
    assert "canary-2" not in str(users)


def test_keys_are_found_by_glob() -> None:
    """Of a ConfigMap's keys those that match, in data and in binaryData."""
    rule = SensitiveRule(("configmaps",), keys=("*-token",))
    data = {"a-token": "canary", "b": "free"}
    found = content(MAPS, "omit", rule, data=data, binaryData={"c-token": "AAEC", "d": "AAED"})

    assert (found["data"], found["binaryData"]) == ({"b": "free"}, {"d": "AAED"})
    assert content(MAPS, "mask", rule, data=data)["data"]["b"] == "free"


def test_a_whole_object_is_masked_but_its_name_and_labels() -> None:
    """Annotations may hold anything, too."""
    found = content(DATABASES, "mask", SensitiveRule(("databases",)), spec=SPEC)

    assert found["metadata"]["name"] == "x"
    assert found["metadata"]["labels"] == {"app": "x"}
    assert "canary" not in str(found)
    assert found["spec"]["size"].startswith("hmac:")


def test_other_types_are_left_alone() -> None:
    """A rule is about its types only."""
    assert content(MAPS, "omit", SensitiveRule(("databases",)), data={"k": "v"})["data"] == {"k": "v"}


def test_without_a_key_nothing_is_masked_with_nothing() -> None:
    """Masking without a key fails, rather than to show the value."""
    with pytest.raises(WithheldError, match="key"):
        content(DATABASES, "mask", SensitiveRule(("databases",)), b"", spec=SPEC)


def test_tables_are_checked() -> None:
    """Each wrong value has its key path."""
    with pytest.raises(ConfigError) as caught:
        parse('[[sensitive]]\nresources = ["a b"]\npaths = ["spec[0]"]\n[[sensitive]]\nkeys = ["x"]', {})

    places = {problem.path for problem in caught.value.problems}
    assert {"sensitive[0].resources[0]", "sensitive[0].paths[0]", "sensitive[1].resources"} <= places


@pytest.mark.parametrize(
    "path", ["spec.users.token", "spec.groups.users.token", "spec.groups[*].users.token"]
)
def test_a_list_need_not_be_named(path: str) -> None:
    """A forgotten `[*]` must not leave in the open what the user calls sensitive."""
    rule = SensitiveRule(("databases.example.com",), paths=(path,))
    spec = {"users": USERS} if path.startswith("spec.users") else {"groups": [{"users": USERS}]}

    for secrets in ("omit", "mask"):
        assert "canary-2" not in str(content(DATABASES, secrets, rule, spec=spec))


@pytest.mark.parametrize(("secrets", "left"), [("mask", 2), ("omit", 1)])
def test_a_copy_that_the_object_needs_is_hidden_with_it(secrets: Any, left: int) -> None:
    """What Cluster API keeps of a newer version in an annotation is hidden when anything of the object is."""
    kept = {"cluster.x-k8s.io/conversion-data": '{"spec":{"password":"canary-1"}}', "owner": "alice"}
    metadata = {"name": "x", "namespace": "shop", "annotations": kept}
    obj = {"apiVersion": "example.com/v1", "kind": "Database", "metadata": metadata, "spec": SPEC}
    rule = SensitiveRule(("databases",), paths=("spec.password",))
    policy = Policy(style="full", secrets=secrets, mask_key=b"k", sensitive=(rule,))
    found = sanitize(obj, ObjectKey("default", "example.com", "databases", "shop", "x"), DATABASES, policy)

    assert "canary-1" not in str(found)
    assert len(found.content["metadata"]["annotations"]) == left
