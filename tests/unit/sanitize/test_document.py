"""The sanitizer's edges: user rules, failing closed, masking, and what is insignificant."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from typing import Any

import pytest

from reverser.errors import WithheldError
from reverser.intake.hpa_targets import scale_target
from reverser.model.resource import ObjectKey, ResourceType
from reverser.model.rule import SanitizeRule
from reverser.sanitize.document import Document, Policy, sanitize, significant

WIDGETS = ResourceType("example.com", "v1", "widgets", "Widget", True, subresources=("status",))
SERVICES = ResourceType("", "v1", "services", "Service", True, subresources=("status",))
PODS = ResourceType("", "v1", "pods", "Pod", True, subresources=("status",))
SECRETS = ResourceType("", "v1", "secrets", "Secret", True)
KEY = ObjectKey("default", "example.com", "widgets", "shop", "w")


def made(obj: dict[str, Any], type_: ResourceType = WIDGETS, **policy: Any) -> Document:
    return sanitize(
        obj, KEY, type_, Policy(**{"style": "full", "secrets": "mask", "mask_key": b"k", **policy})
    )


def widget(**fields: Any) -> dict[str, Any]:
    metadata = {"name": "w", "namespace": "shop", **fields.pop("metadata", {})}
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": metadata, **fields}


def rule(*strip: str, insignificant: tuple[str, ...] = (), resources: tuple[str, ...] = ("widgets",)) -> Any:
    return (SanitizeRule(resources=resources, strip=strip, insignificant=insignificant),)


def test_a_rule_strips_its_paths() -> None:
    """Fields by name, by quoted key and in every item of a list go; the rest stays."""
    obj = widget(
        metadata={"annotations": {"example.com/seen": "now", "keep": "me"}},
        spec={
            "observed": 1,
            "size": 2,
            "parts": [{"id": 1, "at": 3}, {"id": 2}],
            "by": {"a": {"at": 1}, "b": {}},
        },
    )
    paths = ("spec.observed", "metadata.annotations['example.com/seen']", "spec.parts[*].at", "spec.by[*].at")

    content = made(obj, rules=rule(*paths)).content

    assert content["metadata"]["annotations"] == {"keep": "me"}
    assert content["spec"] == {"size": 2, "parts": [{"id": 1}, {"id": 2}], "by": {"a": {}, "b": {}}}


def test_a_rule_leaves_no_empty_annotations_or_labels_behind() -> None:
    """The last annotation takes `annotations` with it, as on the API server."""
    obj = widget(metadata={"annotations": {"a": "b"}, "labels": {"c": "d"}})

    content = made(obj, rules=rule("metadata.annotations.a", "metadata.labels.c")).content

    assert content["metadata"] == {"name": "w", "namespace": "shop"}


def test_a_rule_leaves_other_types_alone() -> None:
    """Paths apply to the types that the rule names."""
    obj = widget(spec={"observed": 1})

    assert made(obj, rules=rule("spec.observed", resources=("gadgets",))).content["spec"] == {"observed": 1}


def test_an_insignificant_field_is_stored_but_does_not_count() -> None:
    """Two documents that differ in insignificant fields alone are significantly equal."""
    rules = rule(insignificant=("spec.heartbeat",))
    old, new = (made(widget(spec={"heartbeat": at, "size": 1}), rules=rules) for at in (1, 2))

    assert old.content != new.content
    assert significant(old) == significant(new) == widget(spec={"size": 1})
    assert old.content["spec"]["heartbeat"] == 1


@pytest.mark.parametrize(
    ("type_", "obj"),
    [
        (WIDGETS, {"kind": "Widget"}),
        (WIDGETS, widget() | {"metadata": "text"}),
        (WIDGETS, widget(metadata={"annotations": ["hunter2"]})),
        (WIDGETS, widget(metadata={"labels": {"a": 1}})),
        (WIDGETS, widget(metadata={"finalizers": "hunter2"})),
        (WIDGETS, widget(spec={1, 2})),
        (SERVICES, widget(spec="hunter2")),
        (SERVICES, widget(spec={"ports": {"hunter2": 1}})),
        (SERVICES, widget(spec={"ports": ["hunter2"]})),
        (PODS, widget(spec={"containers": [{"env": "hunter2"}]})),
        (PODS, widget(spec={"containers": [{"env": [{"name": ["hunter2"]}, {"name": {}}]}]})),
        (SECRETS, widget(data="hunter2")),
        (SECRETS, widget(data={"a": "hunter2 is no base64"})),
        (SECRETS, widget(data={"a": ["hunter2"]})),
    ],
)
def test_what_cannot_be_read_is_withheld(type_: ResourceType, obj: dict[str, Any]) -> None:
    """An object without the shape of its kind is withheld by name, and no value of it is told."""
    with pytest.raises(WithheldError) as caught:
        made(obj, type_)

    assert (caught.value.reason, caught.value.key) == ("Unreadable", KEY)
    assert "hunter2" not in str(caught.value)
    assert caught.value.__suppress_context__


def test_a_job_keeps_its_own_metadata_even_empty() -> None:
    """Only the template's may go: a document without metadata could not be read again."""
    jobs = ResourceType("batch", "v1", "jobs", "Job", True, subresources=("status",))
    template = {"metadata": {"labels": {"job-name": "a"}}, "spec": {}}
    document = made({"metadata": {"labels": {"job-name": "a"}}, "spec": {"template": template}}, jobs)

    assert document.content["metadata"] == {}
    assert document.content["spec"] == {"template": {"spec": {}}}
    assert made(document.content, jobs).content == document.content


def test_endless_nesting_is_withheld() -> None:
    """An object that is nested deeper than Python can follow does not end the process."""
    spec: dict[str, Any] = {}
    for _ in range(100_000):
        spec = {"a": spec}

    with pytest.raises(WithheldError):
        made(widget(spec=spec))


@pytest.mark.parametrize("secrets", ["omit", "mask"])
def test_a_secret_is_masked_whatever_the_policy(secrets: str) -> None:
    """Each value becomes the keyed digest of its decoded bytes, under `data`."""
    data = {"a": b64encode(b"hunter2").decode()}
    digest = hashlib.blake2b(b"hunter2", key=b"k", digest_size=16).hexdigest()

    content = made(widget(data=data, stringData={"b": "hunter2"}), SECRETS, secrets=secrets).content

    assert content["data"] == {"a": f"hmac:{digest}", "b": f"hmac:{digest}"}
    assert "stringData" not in content


def test_a_secret_is_masked_under_a_foreign_type() -> None:
    """What says of itself that it is a Secret is masked, whatever stream brought it."""
    obj = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "aHVudGVyMg=="}}

    assert made(obj, WIDGETS).content["data"]["a"].startswith("hmac:")


def test_two_keys_give_two_digests() -> None:
    """Who does not have the key cannot compare with digests of guesses."""
    obj = widget(data={"a": "aHVudGVyMg=="})

    assert made(obj, SECRETS, mask_key=b"1").content != made(obj, SECRETS, mask_key=b"2").content


@pytest.mark.parametrize("key", [b"", b"k" * 65])
def test_without_a_usable_key_a_secret_is_withheld(key: bytes) -> None:
    """No Secret is masked with a digest that anybody can compute."""
    with pytest.raises(WithheldError, match="1 to 64 bytes"):
        made(widget(data={"a": "aHVudGVyMg=="}), SECRETS, mask_key=key)


def test_an_object_of_a_list_gets_its_version_and_kind() -> None:
    """Items of a list carry neither: the type tells them."""
    content = made({"metadata": {"name": "w"}}).content

    assert (content["apiVersion"], content["kind"]) == ("example.com/v1", "Widget")


@pytest.mark.parametrize(
    ("target", "answer"),
    [
        ({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}, ("apps", "Deployment", "web")),
        (
            {"apiVersion": "v1", "kind": "ReplicationController", "name": "rc"},
            ("", "ReplicationController", "rc"),
        ),
        ({"kind": "Deployment", "name": "web"}, ("", "Deployment", "web")),
        ({"kind": "Deployment"}, None),
        ("web", None),
        (None, None),
    ],
)
def test_a_scale_target_is_read(target: Any, answer: tuple[str, str, str] | None) -> None:
    """The autoscaler names group, kind and name, or nothing."""
    assert scale_target({"spec": {"scaleTargetRef": target}}) == answer


def test_a_pod_with_all_kinds_of_duplicates_is_told() -> None:
    """Each list with duplicate merge keys has a warning that names place and key."""
    obj = widget(
        spec={
            "imagePullSecrets": [{"name": "a"}, {"name": "a"}],
            "hostAliases": [{"ip": "1.1.1.1"}, {"ip": "1.1.1.2"}],
            "initContainers": [{"name": "i", "image": "i", "ports": [{"containerPort": 53}] * 3}],
            "containers": [{"name": "c", "image": "i", "env": [{"name": "A"}, {"name": "A"}]}],
        }
    )

    assert made(obj, PODS).warnings == (
        "spec.imagePullSecrets has a 2 times: server-side apply refuses it",
        "spec.initContainers[i].ports has 53 3 times: server-side apply refuses it",
        "spec.containers[c].env has A 2 times: server-side apply refuses it",
    )
