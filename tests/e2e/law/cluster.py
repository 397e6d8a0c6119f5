"""What a cluster holds, and where in its API."""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from reverser.model.resource import ObjectKey, ResourceType
from tests.e2e.expected import objects, resource_types
from tests.e2e.law.samples import WAYS
from tests.e2e.servers import ControlPlane

Objects = dict[ObjectKey, dict[str, Any]]
READY_SECONDS = 30
SETTLE_SECONDS = 30
_CUSTOM = Path(__file__).parent / "custom.yaml"
_PATCH = "application/apply-patch+yaml"


def prepare(plane: ControlPlane) -> None:
    """Make the namespaces, the accounts and the node without which pods would not stay, and custom types."""
    plane.create("/api/v1/nodes", {"metadata": {"name": "law-node"}})
    for namespace in (name for way in WAYS for name in way.namespaces):
        plane.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
        account = {"metadata": {"name": "default"}}
        plane.http.post(f"/api/v1/namespaces/{namespace}/serviceaccounts", json=account)
    for definition in yaml.safe_load_all(_CUSTOM.read_text()):
        _define(plane, definition)


def _define(plane: ControlPlane, definition: dict[str, Any]) -> None:
    plane.create("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
    resource, _, group = definition["metadata"]["name"].partition(".")
    deadline = time.monotonic() + READY_SECONDS
    while not any((each.group, each.resource) == (group, resource) for each in resource_types(plane)):
        assert time.monotonic() < deadline, f"{resource}.{group} is not served"
        time.sleep(0.1)


def types_by_name(plane: ControlPlane) -> dict[str, ResourceType]:
    """Every type that can be listed and watched, by kubectl's full name."""
    return {each.name: each for each in resource_types(plane)}


def everything(plane: ControlPlane, types: Iterable[ResourceType]) -> Objects:
    """All objects of these types."""
    return {key_of(obj, each): obj for each in types for obj in objects(plane, each)}


def settled(plane: ControlPlane, types: Iterable[ResourceType]) -> Objects:
    """All objects, once the controllers have nothing more to do with them."""
    types, before = tuple(types), None
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        found = everything(plane, types)
        versions = {key: version(obj) for key, obj in found.items()}
        if versions == before or time.monotonic() > deadline:
            return found
        before = versions
        time.sleep(1)


def version(obj: dict[str, Any]) -> Any:
    """The object's resourceVersion."""
    return obj["metadata"]["resourceVersion"]


def key_of(obj: dict[str, Any], resource: ResourceType) -> ObjectKey:
    """The key under which the product knows an object."""
    metadata = obj["metadata"]
    return ObjectKey(
        "default", resource.group, resource.resource, metadata.get("namespace", ""), metadata["name"]
    )


def path_of(key: ObjectKey, resource: ResourceType) -> str:
    """The object's address."""
    return f"{collection(resource, key.namespace)}/{key.name}"


def collection(resource: ResourceType, namespace: str) -> str:
    """Where objects of a type are created."""
    root = f"/apis/{resource.group}" if resource.group else "/api"
    place = f"/namespaces/{namespace}" if resource.namespaced else ""
    return f"{root}/{resource.version}{place}/{resource.resource}"


def dry_run(plane: ControlPlane, path: str, document: bytes) -> Any:
    """What the object would be after a forced server-side apply by a manager that is new to it."""
    query = {"dryRun": "All", "force": "true", "fieldManager": "law"}
    return plane.http.patch(path, params=query, content=document, headers={"Content-Type": _PATCH}).json()
