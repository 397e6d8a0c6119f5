"""Builders of custom resources and of the state of a cluster around them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from reverser.custom_resources.api_types import AnyObject, ClusterWatchRule, GitRepoConfig, WatchRule
from reverser.custom_resources.compiler import compile_resources
from reverser.custom_resources.model import ClusterState, Compiled, ObjectName, ObjectRef, Tenancy, Verdict
from reverser.model.destination import Destination
from reverser.model.resource import ResourceType

SSH_KEY = b"-----BEGIN OPENSSH PRIVATE KEY-----\nbm90IGEga2V5\n-----END OPENSSH PRIVATE KEY-----\n"
HOST_KEYS = b"git.example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJ1aWxkZXI=\n"
LOGIN = {"username": b"git", "password": b"hunter2-of-the-tests"}
OPEN = Tenancy()
"""No restriction by the configuration file."""
WATCHED = ("get", "list", "watch")


def served(
    resource: str, kind: str, group: str = "", *, version: str = "v1", namespaced: bool = True, **more: Any
) -> ResourceType:
    """A type that the cluster serves."""
    return ResourceType(group, version, resource, kind, namespaced, WATCHED, singular=kind.lower(), **more)


TYPES = (
    served("configmaps", "ConfigMap", short_names=("cm",)),
    served("secrets", "Secret"),
    served("pods", "Pod", short_names=("po",)),
    served("events", "Event"),
    served("namespaces", "Namespace", namespaced=False),
    served("nodes", "Node", namespaced=False),
    served("deployments", "Deployment", "apps", short_names=("deploy",)),
    served("statefulsets", "StatefulSet", "apps"),
    served("leases", "Lease", "coordination.k8s.io"),
    served("clusterroles", "ClusterRole", "rbac.authorization.k8s.io", namespaced=False),
    served("myapps", "MyApp", "example.com", version="v1beta1"),
    served("myapps", "MyApp", "other.example.com", version="v2"),
)


def config(
    namespace: str = "shop", name: str = "repo", *, created: str = "2026-01-01T00:00:00Z", **spec: Any
) -> GitRepoConfig:
    """A GitRepoConfig; `spec` is spelt as in JSON."""
    full = {"repoUrl": "https://git.example.com/acme/live", "branch": "main", **spec}
    metadata = {"namespace": namespace, "name": name, "creationTimestamp": created, "generation": 1}
    return msgspec.convert({"metadata": metadata, "spec": full}, GitRepoConfig)


def watch_rule(namespace: str = "shop", name: str = "rule", *, to: str = "repo", **spec: Any) -> WatchRule:
    """A WatchRule of ConfigMaps; `to` is NAME or NAMESPACE/NAME of its config."""
    full = {"gitRepoConfigRef": _reference(to), "rules": [{"resources": ["configmaps"]}], **spec}
    return msgspec.convert({"metadata": {"namespace": namespace, "name": name}, "spec": full}, WatchRule)


def cluster_rule(name: str = "rule", *, to: str = "shop/repo", **spec: Any) -> ClusterWatchRule:
    """A ClusterWatchRule of ConfigMaps everywhere."""
    rules = [{"resources": ["configmaps"], "scope": "Namespaced"}]
    full = {"gitRepoConfigRef": _reference(to), "rules": rules, **spec}
    return msgspec.convert({"metadata": {"name": name}, "spec": full}, ClusterWatchRule)


def _reference(to: str) -> dict[str, str]:
    namespace, _, name = to.rpartition("/")
    return {"name": name, "namespace": namespace}


def name_of(resource: AnyObject) -> ObjectName:
    """What an object is called."""
    return ObjectName(resource.metadata.namespace, resource.metadata.name)


def ref_of(resource: AnyObject) -> ObjectRef:
    """The kind and name of an object."""
    return ObjectRef(type(resource).__name__, name_of(resource))  # type: ignore[arg-type]


def state_of(
    *objects: AnyObject,
    namespaces: Mapping[str, Mapping[str, str]] | None = None,
    secrets: Mapping[str, Mapping[str, bytes] | None] | None = None,
    **more: Any,
) -> ClusterState:
    """A state with these objects, their namespaces, and the types of `TYPES`; `secrets` by NAMESPACE/NAME."""
    kinds: dict[type[AnyObject], dict[ObjectName, Any]] = {
        GitRepoConfig: {},
        WatchRule: {},
        ClusterWatchRule: {},
    }
    for each in objects:
        kinds[type(each)][name_of(each)] = each
    spaces = {each.metadata.namespace: {} for each in objects if each.metadata.namespace}
    return ClusterState(
        kinds[GitRepoConfig],
        kinds[WatchRule],
        kinds[ClusterWatchRule],
        spaces | dict(namespaces or {}),
        {ObjectName(*key.split("/")): data for key, data in (secrets or {}).items()},
        **{"types": TYPES, **more},
    )


def compiled(
    *objects: AnyObject, tenancy: Tenancy = OPEN, tables: tuple[Destination, ...] = (), **around: Any
) -> Compiled:
    """What these objects mean."""
    return compile_resources(state_of(*objects, **around), tenancy, "default", tables)


def verdict(resource: AnyObject, *others: AnyObject, **around: Any) -> Verdict:
    """What becomes of the first of these objects."""
    return compiled(resource, *others, **around).verdicts[ref_of(resource)]
