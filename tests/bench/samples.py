"""Synthetic objects as an API server hands them out: defaults filled in, managedFields, status.

Several types in many namespaces, so that folders are as wide as in real life: 200 objects a
namespace, 40 of each type.
"""

from __future__ import annotations

from typing import Any

from reverser.model.change import Stream
from reverser.model.resource import ResourceType

PER_NAMESPACE = 200
VERBS = ("get", "list", "watch")

DEPLOYMENTS = ResourceType("apps", "v1", "deployments", "Deployment", True, VERBS, subresources=("status",))
TYPES = (
    DEPLOYMENTS,
    ResourceType("", "v1", "configmaps", "ConfigMap", True, VERBS),
    ResourceType("", "v1", "services", "Service", True, VERBS, subresources=("status",)),
    ResourceType("rbac.authorization.k8s.io", "v1", "roles", "Role", True, VERBS),
    ResourceType("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", True, VERBS),
)
STREAMS = tuple(Stream("default", resource) for resource in TYPES)


def place(number: int) -> tuple[Stream, str, str]:
    """(stream, namespace, name) of the object with this number."""
    stream = STREAMS[number % len(STREAMS)]
    return stream, f"team-{number // PER_NAMESPACE:04}", f"{stream.type.kind.lower()}-{number:06}"


def sample(number: int, revision: int) -> dict[str, Any]:
    """The object with this number; each revision differs in one field."""
    stream, namespace, name = place(number)
    content = _CONTENT[stream.type.kind](name, revision)
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": namespace,
        "uid": f"5f0c1c9e-9d0b-4a52-8a53-{number:012}",
        "resourceVersion": str(1_000_000 * (number + 1) + revision),
        "creationTimestamp": "2026-03-01T08:00:00Z",
        "labels": _labels(name),
        "annotations": {"example.com/owner": f"{namespace}@example.com"},
        "managedFields": [_managed("kubectl-client-side-apply", content)],
    }
    if "status" in content:
        metadata["generation"] = revision + 1
        metadata["managedFields"].append(_managed("kube-controller-manager", content, status=True))
    return {"apiVersion": stream.type.api_version, "kind": stream.type.kind, "metadata": metadata, **content}


def _labels(name: str) -> dict[str, str]:
    return {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "shop"}


def _managed(manager: str, content: dict[str, Any], *, status: bool = False) -> dict[str, Any]:
    owned = {key: value for key, value in content.items() if (key == "status") is status}
    metadata = {} if status else {"f:metadata": {"f:labels": {"f:app.kubernetes.io/name": {}}}}
    entry = {
        "manager": manager,
        "operation": "Update",
        "apiVersion": "apps/v1",
        "time": "2026-03-01T08:00:01Z",
        "fieldsType": "FieldsV1",
        "fieldsV1": {**metadata, **_fields(owned)},
    }
    return {**entry, "subresource": "status"} if status else entry


def _fields(value: Any) -> dict[str, Any]:
    """`{"f:spec": {"f:replicas": {}}}`, list items by name as the API server spells them."""
    if isinstance(value, dict):
        return {f"f:{key}": _fields(child) for key, child in value.items()}
    if isinstance(value, list) and all(isinstance(item, dict) and "name" in item for item in value):
        return {f'k:{{"name":"{item["name"]}"}}': {".": {}, **_fields(item)} for item in value}
    return {}


def _deployment(name: str, revision: int) -> dict[str, Any]:
    probe = {"httpGet": {"path": "/healthz", "port": "http", "scheme": "HTTP"}, "timeoutSeconds": 1}
    probe |= {"periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
    container = {
        "name": "main",
        "image": f"registry.example.com/shop/{name}:1.{revision}.0",
        "imagePullPolicy": "IfNotPresent",
        "args": ["--listen=:8080", f"--name={name}"],
        "env": [
            {"name": "LOG_LEVEL", "value": "info"},
            {"name": "NODE", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "spec.nodeName"}}},
        ],
        "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
        "resources": {
            "limits": {"cpu": "500m", "memory": "256Mi"},
            "requests": {"cpu": "50m", "memory": "64Mi"},
        },
        "livenessProbe": probe,
        "readinessProbe": dict(probe),
        "volumeMounts": [{"name": "config", "mountPath": "/etc/app", "readOnly": True}],
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    }
    pod = {
        "containers": [container],
        "volumes": [{"name": "config", "configMap": {"name": name, "defaultMode": 420}}],
        "serviceAccountName": name,
        "serviceAccount": name,
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "schedulerName": "default-scheduler",
        "securityContext": {"runAsNonRoot": True},
    }
    rolling = {"maxUnavailable": "25%", "maxSurge": "25%"}
    spec = {
        "replicas": 3,
        "selector": {"matchLabels": _labels(name)},
        "template": {"metadata": {"creationTimestamp": None, "labels": _labels(name)}, "spec": pod},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": rolling},
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
    }
    condition = {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"}
    return {"spec": spec, "status": {"replicas": 3, "readyReplicas": 3, "conditions": [condition]}}


def _config_map(name: str, revision: int) -> dict[str, Any]:
    text = "".join(f"key{line}: value of {name}\n" for line in range(15))
    return {"data": {"revision": str(revision), "application.yaml": text, "enabled": "yes"}}


def _service(name: str, revision: int) -> dict[str, Any]:
    port = {"name": "http", "protocol": "TCP", "port": 80, "targetPort": 1000 + revision}
    spec = {"clusterIP": "10.0.12.7", "clusterIPs": ["10.0.12.7"], "type": "ClusterIP", "ports": [port]}
    families = {"ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack", "internalTrafficPolicy": "Cluster"}
    return {
        "spec": {**spec, **families, "sessionAffinity": "None", "selector": _labels(name)},
        "status": {"loadBalancer": {}},
    }


def _role(name: str, revision: int) -> dict[str, Any]:
    names = [name, f"{name}-{revision}"]
    rule = {"apiGroups": [""], "resources": ["configmaps"], "resourceNames": names, "verbs": ["get"]}
    return {"rules": [rule, {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list"]}]}


def _network_policy(name: str, revision: int) -> dict[str, Any]:
    ports = [{"protocol": "TCP", "port": 1000 + revision}]
    peer = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}
    ingress = [{"from": [peer], "ports": ports}]
    return {
        "spec": {
            "podSelector": {"matchLabels": _labels(name)},
            "policyTypes": ["Ingress"],
            "ingress": ingress,
        }
    }


_CONTENT = {
    "Deployment": _deployment,
    "ConfigMap": _config_map,
    "Service": _service,
    "Role": _role,
    "NetworkPolicy": _network_policy,
}
