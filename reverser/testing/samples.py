"""Objects, users and plans to call hooks with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reverser.model.attribution import Actor, Attribution, Evidence
from reverser.model.change import Operation, Origin
from reverser.model.commit import CommitPlan
from reverser.model.destination import Destination
from reverser.model.entry import Edit, Entry
from reverser.model.resource import ObjectKey, ResourceType

TYPES = {
    "ConfigMap": ResourceType("", "v1", "configmaps", "ConfigMap", True),
    "Secret": ResourceType("", "v1", "secrets", "Secret", True),
    "Namespace": ResourceType("", "v1", "namespaces", "Namespace", False),
    "Deployment": ResourceType("apps", "v1", "deployments", "Deployment", True),
    "ClusterRole": ResourceType("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", False),
    "Widget": ResourceType("example.com", "v1alpha1", "widgets", "Widget", True),
    "Widget.example.org": ResourceType("example.org", "v1", "widgets", "Widget", True),
}
"""By what `make` calls them. Two are of one kind: the group is a part of what an object is."""
ACTORS = (
    Actor.of("alice@example.com", ["system:authenticated"]),
    Actor.of("system:serviceaccount:shop:deployer"),
    Actor.of("kubernetes-admin"),
)
DESTINATION = Destination("live", "ssh://git@example.com/org/live.git")


def make(kind: str, name: str = "web", namespace: str = "shop", **fields: Any) -> dict[str, Any]:
    """An object of one of `TYPES`, sanitized, with more fields at its top."""
    resource = TYPES[kind]
    metadata: dict[str, Any] = {"name": name}
    if resource.namespaced:
        metadata["namespace"] = namespace
    metadata |= {"annotations": {"example.com/note": "x"}, "labels": {"app": name}}
    return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata, **fields}


def type_of(obj: Mapping[str, Any]) -> ResourceType:
    """The type of an object that `make` made."""
    known = {(each.api_version, each.kind): each for each in TYPES.values()}
    return known[obj["apiVersion"], obj["kind"]]


def key_of(obj: Mapping[str, Any], cluster: str = "default") -> ObjectKey:
    """The key of an object that `make` made."""
    resource, metadata = type_of(obj), obj["metadata"]
    namespace = metadata.get("namespace", "")
    return ObjectKey(cluster, resource.group, resource.resource, namespace, metadata["name"])


def plan(obj: Mapping[str, Any], actor: Actor = ACTORS[0], *changes: str) -> CommitPlan:
    """The plan of one live change of an object: an update when `changes` are given, else a creation."""
    key, resource = key_of(obj), type_of(obj)
    entry = Entry(
        destination=DESTINATION.name,
        key=key,
        api_version=resource.api_version,
        kind=resource.kind,
        operation=Operation.UPDATE if changes else Operation.CREATE,
        origin=Origin.LIVE,
        edit=Edit(f"{key}.yaml", b""),
        changed_at=1.0,
        changes=changes,
        attribution=Attribution(actor, Evidence.ADMISSION),
        seq=1,
    )
    return CommitPlan((entry,))


def samples() -> list[dict[str, Any]]:
    """Objects of every sample type, among them pairs that a careless layout puts in one file."""
    container = {"name": "web", "image": "nginx:1.28", "env": [{"name": "TOKEN", "value": "x"}]}
    spec = {"replicas": 2, "template": {"spec": {"containers": [container]}}}
    return [
        *(make(kind, name) for kind in TYPES for name in ("web", "web-a", "a.web", "a", "x" * 253)),
        *(make("ConfigMap", name, space) for name, space in (("a-b", "c"), ("b", "c-a"), ("web", "web"))),
        make("ConfigMap", "values", data={"key": "value", "yes": "on"}, binaryData={"b": "AAE="}),
        make("Deployment", "full", spec=spec),
        make("Secret", "masked", type="Opaque", data={"k": "hmac:" + "0" * 32}),
        make("Widget", "deep", spec={"list": [{"name": "a", "value": [1, 2.5, None, True]}]}),
    ]
