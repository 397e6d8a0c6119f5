"""Objects of many kinds, and random changes to them: the same for the same seed."""

from __future__ import annotations

import json
import random
from typing import Any

WIDGETS = "widgets.example.com"

CRD: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": WIDGETS},
    "spec": {
        "group": "example.com",
        "names": {"kind": "Widget", "plural": "widgets", "singular": "widget"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                        },
                    }
                },
            }
        ],
    },
}


def _pod_spec(number: int) -> dict[str, Any]:
    return {"containers": [{"name": "main", "image": f"registry.example/app:{number}"}]}


def _spec(kind: str, number: int) -> dict[str, Any]:
    labels = {"app": f"a{number}"}
    workload = {
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": _pod_spec(number)},
    }
    return {
        "ConfigMap": {"data": {"value": str(number), "yes": "no", "text": f"line {number}\nnext\n"}},
        "Deployment": {"spec": {"replicas": 0, **workload}},
        "Service": {"spec": {"selector": labels, "ports": [{"port": 80, "name": "http"}]}},
        "ServiceAccount": {
            "automountServiceAccountToken": bool(number % 2),
            "imagePullSecrets": [{"name": f"s{number}"}],
        },
        "Role": {
            "rules": [
                {"apiGroups": [""], "resources": ["pods"], "resourceNames": [f"p{number}"], "verbs": ["get"]}
            ]
        },
        "CronJob": {
            "spec": {
                "schedule": f"{number % 60} 3 * * *",
                "suspend": True,
                "jobTemplate": {
                    "spec": {"template": {"spec": _pod_spec(number) | {"restartPolicy": "Never"}}}
                },
            }
        },
        "NetworkPolicy": {"spec": {"podSelector": {"matchLabels": labels}, "egress": [{}]}},
        "Ingress": {"spec": {"defaultBackend": {"service": {"name": f"s{number}", "port": {"number": 80}}}}},
        "PersistentVolumeClaim": {
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "none",
                "resources": {"requests": {"storage": f"{number % 9 + 1}Gi"}},
            }
        },
        "Widget": {"spec": {"size": number, "when": "2024-01-01", "mode": "0x1f"}},
    }[kind]


KINDS = {
    "ConfigMap": "/api/v1/namespaces/{}/configmaps",
    "Deployment": "/apis/apps/v1/namespaces/{}/deployments",
    "Service": "/api/v1/namespaces/{}/services",
    "ServiceAccount": "/api/v1/namespaces/{}/serviceaccounts",
    "Role": "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/roles",
    "CronJob": "/apis/batch/v1/namespaces/{}/cronjobs",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/namespaces/{}/networkpolicies",
    "Ingress": "/apis/networking.k8s.io/v1/namespaces/{}/ingresses",
    "PersistentVolumeClaim": "/api/v1/namespaces/{}/persistentvolumeclaims",
    "Widget": "/apis/example.com/v1/namespaces/{}/widgets",
}
CHANGEABLE = ("ConfigMap", "Deployment", "ServiceAccount", "Role", "CronJob", "Widget")
"""Kinds whose `_spec` may be changed from one number to any other."""


def manifest(kind: str, name: str, number: int) -> dict[str, Any]:
    """One object; `number` decides its content."""
    prefix = KINDS[kind].removeprefix("/apis/").removeprefix("/api/").split("/namespaces")[0]
    return {"apiVersion": prefix, "kind": kind, "metadata": {"name": name}, **_spec(kind, number)}


class Load:
    """Random creations, updates and deletions in one namespace; remembers what lives."""

    def __init__(self, plane: Any, namespace: str, seed: int, kinds: tuple[str, ...] = tuple(KINDS)) -> None:
        self._plane = plane
        self._namespace = namespace
        self._random = random.Random(seed)
        self._kinds = kinds
        self._next = 0
        self.living: list[tuple[str, str]] = []

    def create(self, kinds: tuple[str, ...] = (), *, kubectl: bool = False) -> None:
        """Create one object of a random kind."""
        kind, self._next = self._random.choice(kinds or self._kinds), self._next + 1
        name = f"{kind.lower()}-{self._next}"
        document = manifest(kind, name, self._next)
        if kubectl:
            self._kubectl("create", "-f", "-", input=json.dumps(document))
        else:
            self._plane.create(KINDS[kind].format(self._namespace), document)
        self.living.append((kind, name))

    def update(self, *, kubectl: bool = False) -> None:
        """Change one object's content."""
        changeable = [place for place in self.living if place[0] in CHANGEABLE]
        if not changeable:
            return self.create(kubectl=kubectl)
        kind, name = self._random.choice(changeable)
        self._next += 1
        content = _spec(kind, self._next)
        if kind == "Deployment":
            content = {"spec": {"template": {"spec": _pod_spec(self._next)}}}
        if kind == "CronJob":
            content = {"spec": {"schedule": f"{self._next % 60} {self._next // 60 % 24} 1 * *"}}
        if kind == "ServiceAccount":
            content = {"imagePullSecrets": [{"name": f"s{self._next}"}]}
        if kubectl:
            return self._kubectl("patch", _named(kind), name, "--type=merge", "-p", json.dumps(content))
        response = self._plane.http.patch(
            f"{KINDS[kind].format(self._namespace)}/{name}",
            json=content,
            headers={"Content-Type": "application/merge-patch+json"},
        )
        assert response.is_success, response.text
        return None

    def delete(self, *, kubectl: bool = False) -> None:
        """Delete one object."""
        if not self.living:
            return self.create(kubectl=kubectl)
        kind, name = self.living.pop(self._random.randrange(len(self.living)))
        if kubectl:
            return self._kubectl("delete", _named(kind), name, "--wait=false")
        response = self._plane.http.request(
            "DELETE",
            f"{KINDS[kind].format(self._namespace)}/{name}",
            json={"propagationPolicy": "Background", "gracePeriodSeconds": 0},
        )
        assert response.is_success, response.text
        return None

    def step(self, *, kubectl: bool = False) -> None:
        """One random change, over plain HTTP or by kubectl; exactly one change of content."""
        self._random.choices((self.create, self.update, self.delete), (4, 5, 3))[0](kubectl=kubectl)

    def _kubectl(self, *arguments: str, **keys: str) -> None:
        self._plane.kubectl("-n", self._namespace, *arguments, **keys)


def _named(kind: str) -> str:
    """kind.group as kubectl takes it, for two groups may serve one kind."""
    path = KINDS[kind]
    return f"{kind}.{path.split('/')[3]}.{path.split('/')[2]}" if path.startswith("/apis/") else kind
