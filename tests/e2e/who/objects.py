"""What people make in the scenarios."""

from __future__ import annotations

from typing import Any

Document = dict[str, Any]

GADGET = "gadgets.who.example.com/g"
HOLD: Document = {"metadata": {"finalizers": ["example.com/hold"]}}
LET_GO: Document = {"metadata": {"finalizers": None}}


def config(name: str, value: str = "1", **metadata: Any) -> Document:
    """A ConfigMap with one value, `k`."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, **metadata},
        "data": {"k": value},
    }


def pod_spec(image: str = "registry.example/web:1") -> Document:
    """One container."""
    return {"containers": [{"name": "main", "image": image}]}


def pod(name: str) -> Document:
    """A pod that nobody owns."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": pod_spec(),
    }


def deployment(name: str = "web", replicas: int = 1) -> Document:
    """A workload of one container."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod_spec()},
        },
    }


def job(name: str) -> Document:
    """A run of one pod."""
    spec = {"template": {"spec": {**pod_spec(), "restartPolicy": "Never"}}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec}


def autoscaler(version: str, most: int, cpu: int = 80) -> Document:
    """A HorizontalPodAutoscaler in one of its versions, both meaning the same."""
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec: Document = {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": most}
    if version == "v1":
        spec["targetCPUUtilizationPercentage"] = cpu
    else:
        goal = {"type": "Utilization", "averageUtilization": cpu}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": goal}}]
    return {
        "apiVersion": f"autoscaling/{version}",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web"},
        "spec": spec,
    }


def gadget(name: str, size: int = 1, version: str = "v1") -> Document:
    """An object of the CRD below."""
    return {
        "apiVersion": f"who.example.com/{version}",
        "kind": "Gadget",
        "metadata": {"name": name},
        "spec": {"size": size, "replicas": 1},
    }


def _version(name: str, *, storage: bool) -> Document:
    free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"type": "object", "properties": {"spec": free, "status": free}}
    scale = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas"}
    return {
        "name": name,
        "served": True,
        "storage": storage,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}, "scale": scale},
    }


GADGETS: Document = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "gadgets.who.example.com"},
    "spec": {
        "group": "who.example.com",
        "names": {"kind": "Gadget", "plural": "gadgets", "singular": "gadget"},
        "scope": "Namespaced",
        "versions": [_version("v1", storage=True), _version("v1beta1", storage=False)],
    },
}
"""Two served versions, and the subresources status and scale."""


def definition(group: str) -> Document:
    """The same type in a group of its own."""
    spec = {**GADGETS["spec"], "group": group}
    return {**GADGETS, "metadata": {"name": f"gadgets.{group}"}, "spec": spec}
