"""As much of OpenAPI v3 as kubectl wants to see before it applies: that the server validates fields.

kubectl looks for the `fieldValidation` parameter of a type's PATCH; where it finds it, it leaves the
validation to the server, and needs no schema.
"""

from __future__ import annotations

from typing import Any

from reverser.sandbox.catalogue import Catalogue
from reverser.sandbox.refusal import not_served
from reverser.sandbox.types import Served

PARAMETERS = [{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}]


def index(catalogue: Catalogue) -> dict[str, Any]:
    """`/openapi/v3`: a document for each group and version."""
    names = sorted({_name(served) for served in catalogue})
    return {"paths": {name: {"serverRelativeURL": f"/openapi/v3/{name}"} for name in names}}


def document(catalogue: Catalogue, name: str) -> dict[str, Any]:
    """`/openapi/v3/apis/{group}/{version}`: the PATCH of each type."""
    paths = {f"/{name}/{s.type.resource}/{{name}}": _path(s) for s in catalogue if _name(s) == name}
    if not paths:
        raise not_served()
    return {"openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1.34.4"}, "paths": paths}


def _name(served: Served) -> str:
    return f"{'apis' if served.type.group else 'api'}/{served.type.api_version}"


def _path(served: Served) -> dict[str, Any]:
    kind = {"group": served.type.group, "version": served.type.version, "kind": served.type.kind}
    return {"patch": {"parameters": PARAMETERS, "responses": {}, "x-kubernetes-group-version-kind": kind}}
