"""Bodies of admission requests."""

from __future__ import annotations

import json
from typing import Any

from reverser.model.resource import ResourceType

KEY = b"d" * 32


CONFIG_MAPS = ResourceType("", "v1", "configmaps", "ConfigMap", True)


def config_map(version: str = "5", **fields: Any) -> dict[str, Any]:
    metadata = {"name": "a", "namespace": "shop", "uid": "u1"} | (
        {"resourceVersion": version} if version else {}
    )
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"x": "1"}, **fields}


def request(**fields: Any) -> dict[str, Any]:
    """An update of a ConfigMap by alice."""
    return {
        "uid": "r1",
        "kind": {"group": "", "version": "v1", "kind": "ConfigMap"},
        "resource": {"group": "", "version": "v1", "resource": "configmaps"},
        "name": "a",
        "namespace": "shop",
        "operation": "UPDATE",
        "userInfo": {"username": "alice", "groups": ["dev"], "extra": {"team": ["red"]}},
        "object": config_map(data={"x": "2"}),
        "oldObject": config_map(),
        "dryRun": False,
        "options": {"kind": "UpdateOptions", "fieldManager": "kubectl-edit"},
        **fields,
    }


def body(**fields: Any) -> bytes:
    review = {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request(**fields)}
    return json.dumps(review).encode()
