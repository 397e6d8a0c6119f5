"""The `scale` subresource: the replicas of a workload as an object of their own."""

from __future__ import annotations

from typing import Any


def shown(workload: dict[str, Any]) -> dict[str, Any]:
    """The Scale of a workload."""
    metadata = workload["metadata"]
    shared = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: metadata[key] for key in shared if key in metadata},
        "spec": {"replicas": workload.get("spec", {}).get("replicas", 0)},
        "status": {"replicas": workload.get("status", {}).get("replicas", 0)},
    }


def scaled(workload: dict[str, Any], scale: dict[str, Any]) -> dict[str, Any]:
    """The workload as a written Scale wants it; the Scale's version is compared with the workload's."""
    revision = scale.get("metadata", {}).get("resourceVersion") or workload["metadata"]["resourceVersion"]
    return {
        **workload,
        "metadata": {**workload["metadata"], "resourceVersion": revision},
        "spec": {**workload["spec"], "replicas": scale["spec"]["replicas"]},
    }
