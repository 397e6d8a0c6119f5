"""What clients learn before they ask for objects: the types, the version, as much OpenAPI as kubectl wants.

Discovery is the aggregated one (v2); a client that asks for one document a group is refused with 406.
kubectl looks in OpenAPI for the `fieldValidation` parameter of a type's PATCH; where it finds it, it leaves
the validation to the server, and needs no schema.
"""

from __future__ import annotations

from typing import Any

from reverser.model.resource import BUILTIN_GROUPS, ResourceType
from reverser.sandbox.refusal import Refusal, not_served
from reverser.sandbox.types import Catalogue

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
"""Asked for with Accept, and answered as the content type."""
JSON = "application/json"

_VERSION = {"major": "1", "minor": "34", "gitVersion": "v1.34.4", "platform": "sandbox"}
_SUBRESOURCE_VERBS = ["get", "patch", "update"]
_PARAMETERS = [{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}]


def discover(catalogue: Catalogue, path: str, accept: str) -> tuple[str, dict[str, Any]]:
    """(content type, document) of a path that is about no objects. Raises Refusal."""
    match path.strip("/").split("/"):
        case ["version"]:
            return JSON, _VERSION
        case ["openapi", "v3"]:
            return JSON, _openapi_index(catalogue)
        case ["openapi", "v3", *name]:
            return JSON, _openapi(catalogue, "/".join(name))
        case [("api" | "apis") as root]:
            if "as=APIGroupDiscoveryList" not in accept.replace(" ", ""):
                raise Refusal("NotAcceptable", "the sandbox has aggregated discovery only")
            return AGGREGATED, _aggregated(catalogue, core=root == "api")
    raise not_served()


def _aggregated(catalogue: Catalogue, *, core: bool) -> dict[str, Any]:
    groups: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for type_ in catalogue:
        if (type_.group == "") == core:
            groups.setdefault(type_.group, {}).setdefault(type_.version, []).append(_resource(type_))
    items = [
        {
            "metadata": {"name": group} if group else {},
            "versions": [
                {"version": version, "resources": resources, "freshness": "Current"}
                for version, resources in versions.items()
            ],
        }
        for group, versions in groups.items()
    ]
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    }


def _resource(type_: ResourceType) -> dict[str, Any]:
    resource = {
        "resource": type_.resource,
        "responseKind": _kind(type_),
        "scope": "Namespaced" if type_.namespaced else "Cluster",
        "singularResource": type_.singular,
        "verbs": type_.verbs,
    }
    optional = {
        "shortNames": type_.short_names,
        "categories": type_.categories,
        "subresources": [_subresource(type_, name) for name in type_.subresources],
    }
    return resource | {key: value for key, value in optional.items() if value}


def _subresource(type_: ResourceType, name: str) -> dict[str, Any]:
    scale = {"group": "autoscaling", "version": "v1", "kind": "Scale"}
    kind = scale if name == "scale" else _kind(type_)
    return {"subresource": name, "responseKind": kind, "verbs": _SUBRESOURCE_VERBS}


def _kind(type_: ResourceType) -> dict[str, str]:
    """Built-in types leave group and version empty here, which means those of the surrounding list."""
    if type_.group in BUILTIN_GROUPS:
        return {"group": "", "version": "", "kind": type_.kind}
    return {"group": type_.group, "version": type_.version, "kind": type_.kind}


def _openapi_index(catalogue: Catalogue) -> dict[str, Any]:
    names = sorted({_openapi_name(type_) for type_ in catalogue})
    return {"paths": {name: {"serverRelativeURL": f"/openapi/v3/{name}"} for name in names}}


def _openapi(catalogue: Catalogue, name: str) -> dict[str, Any]:
    """The PATCH of each type of a group and version."""
    types = [type_ for type_ in catalogue if _openapi_name(type_) == name]
    if not types:
        raise not_served()
    paths = {f"/{name}/{type_.resource}/{{name}}": {"patch": _patch(type_)} for type_ in types}
    return {"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.34.4"}, "paths": paths}


def _openapi_name(type_: ResourceType) -> str:
    return f"{'apis' if type_.group else 'api'}/{type_.api_version}"


def _patch(type_: ResourceType) -> dict[str, Any]:
    kind = {"group": type_.group, "version": type_.version, "kind": type_.kind}
    return {"parameters": _PARAMETERS, "responses": {}, "x-kubernetes-group-version-kind": kind}
