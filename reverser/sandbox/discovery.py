"""The discovery documents: aggregated (v2), and the older ones per group that clients fall back to."""

from __future__ import annotations

from typing import Any

from reverser.sandbox.catalogue import Catalogue
from reverser.sandbox.refusal import not_served
from reverser.sandbox.types import Served

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
"""Asked for with Accept, and answered as the content type."""

VERSION = {"major": "1", "minor": "34", "gitVersion": "v1.34.4", "platform": "sandbox"}

_SUBRESOURCE_VERBS = ["get", "patch", "update"]


def aggregated(catalogue: Catalogue, core: bool) -> dict[str, Any]:
    """All types of the core group or of the others, in one document."""
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": [
            {
                "metadata": {"name": group} if group else {},
                "versions": [
                    {"version": version, "resources": list(map(_entry, types)), "freshness": "Current"}
                    for version, types in versions.items()
                ],
            }
            for group, versions in catalogue.groups().items()
            if (group == "") == core
        ],
    }


def core_versions() -> dict[str, Any]:
    """`/api`."""
    return {"kind": "APIVersions", "versions": ["v1"]}


def group_list(catalogue: Catalogue) -> dict[str, Any]:
    """`/apis`."""
    names = (group for group in catalogue.groups() if group)
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(catalogue, name) for name in names]}


def group(catalogue: Catalogue, name: str) -> dict[str, Any]:
    """`/apis/{group}`."""
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(catalogue, name)}


def resource_list(catalogue: Catalogue, group: str, version: str) -> dict[str, Any]:
    """`/api/v1` and `/apis/{group}/{version}`."""
    types = catalogue.groups().get(group, {}).get(version)
    if types is None:
        raise not_served()
    resources = [row for served in types for row in _rows(served)]
    name = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": resources}


def _group(catalogue: Catalogue, name: str) -> dict[str, Any]:
    if name not in catalogue.groups():
        raise not_served()
    versions = [{"groupVersion": f"{name}/{v}", "version": v} for v in catalogue.groups()[name]]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def _entry(served: Served) -> dict[str, Any]:
    type_ = served.type
    entry = {
        "resource": type_.resource,
        "responseKind": _kind(served, type_.kind),
        "scope": "Namespaced" if type_.namespaced else "Cluster",
        "singularResource": type_.singular,
        "verbs": type_.verbs,
    }
    optional = {
        "shortNames": type_.short_names,
        "categories": type_.categories,
        "subresources": [_subresource(served, name) for name in type_.subresources],
    }
    return entry | {key: value for key, value in optional.items() if value}


def _subresource(served: Served, name: str) -> dict[str, Any]:
    scale = {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    kind = scale if name == "scale" else _kind(served, served.type.kind)
    return {"subresource": name, "responseKind": kind, "verbs": _SUBRESOURCE_VERBS}


def _kind(served: Served, kind: str) -> dict[str, str]:
    """Built-in types leave group and version empty here, which means those of the surrounding list."""
    if not served.custom:
        return {"group": "", "version": "", "kind": kind}
    return {"group": served.type.group, "version": served.type.version, "kind": kind}


def _rows(served: Served) -> list[dict[str, Any]]:
    type_ = served.type
    row = {
        "name": type_.resource,
        "singularName": type_.singular,
        "namespaced": type_.namespaced,
        "kind": type_.kind,
        "verbs": type_.verbs,
    }
    optional = {"shortNames": type_.short_names, "categories": type_.categories}
    row |= {key: value for key, value in optional.items() if value}
    return [row, *(_subresource_row(served, name) for name in type_.subresources)]


def _subresource_row(served: Served, name: str) -> dict[str, Any]:
    return {
        "name": f"{served.type.resource}/{name}",
        "singularName": "",
        "namespaced": served.type.namespaced,
        "kind": "Scale" if name == "scale" else served.type.kind,
        "verbs": _SUBRESOURCE_VERBS,
    }
