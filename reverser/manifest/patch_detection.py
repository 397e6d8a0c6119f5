"""Whether a document describes a whole object, or only changes one that is described elsewhere.

A patch is what the API server would refuse as a new object, and what holds a directive of kustomize or
kubectl. All else is whole, however little it says: the API server fills in most fields of a Deployment of
ten lines, and nobody can tell a ConfigMap of one key that has grown from a patch of a large one. Of such a
patch the kustomization that lists it is the only evidence (`kustomize_build`).
"""

from __future__ import annotations

import re
from typing import Any

from reverser.manifest.nodes import as_data

_DIRECTIVES = ("$patch", "$setElementOrder", "$retainKeys", "$deleteFromPrimitiveList")
_DIRECTIVE = re.compile(r"\$(?:patch|setElementOrder|retainKeys|deleteFromPrimitiveList)\b")
_DIRECTIVE_LINE = re.compile(rf"^[ \t-]*[\"']?{_DIRECTIVE.pattern}", re.MULTILINE)
_FILLED = re.compile(
    r"^[ \t-]*(?:[\"']?(?:spec|template|jobTemplate|containers)[\"']?:[ \t]*)?(?:\{\{|\$\{)", re.MULTILINE
)
"""A line that a template fills in with fields that nobody sees here."""
_WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"})
_REQUIRED: dict[tuple[str, str], tuple[str, ...]] = {
    **{("apps", kind): ("selector", "containers", "image") for kind in _WORKLOADS},
    ("", "Pod"): ("containers", "image"),
    ("", "ReplicationController"): ("containers", "image"),
    ("batch", "Job"): ("containers", "image"),
    ("batch", "CronJob"): ("schedule", "containers", "image"),
    ("", "Service"): ("(?:ports|clusterIP|externalName)",),
    ("", "PersistentVolume"): ("accessModes",),
    ("", "PersistentVolumeClaim"): ("accessModes",),
    ("autoscaling", "HorizontalPodAutoscaler"): ("scaleTargetRef",),
    ("networking.k8s.io", "Ingress"): ("(?:rules|defaultBackend|backend)",),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): ("roleRef",),
    ("rbac.authorization.k8s.io", "RoleBinding"): ("roleRef",),
    ("storage.k8s.io", "StorageClass"): ("provisioner",),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): ("versions?",),
}
"""Fields without which the API server refuses a new object, as regular expressions."""


def is_patch(group: str, kind: str, document: str) -> bool:
    """Whether the text of a document cannot be a whole object of this kind."""
    if _DIRECTIVE.search(document) and _directs(document):
        return True
    required = _REQUIRED.get((group, kind), ())
    if all(_mentions(document, field) for field in required) or _FILLED.search(document):
        return False
    # A `#` may stand in text, where the line goes on behind it.
    data = as_data(document) if "#" in document else None
    return data is None or not all(_has(data, field) for field in required)


def _mentions(document: str, field: str) -> bool:
    """Whether a line has the field, before a comment."""
    match = re.search(rf"^(?:[^#\n]*[\"'\s{{,-])?{field}[\"']?[ \t]*:", document, re.MULTILINE)
    return match is not None


def _directs(document: str) -> bool:
    """Whether a directive is a field, and not a text about one."""
    data = as_data(document)
    if data is None:
        return _DIRECTIVE_LINE.search(document) is not None
    return any(key.partition("/")[0] in _DIRECTIVES for key in _keys(data))


def _has(data: Any, field: str) -> bool:
    return any(re.fullmatch(field, key) for key in _keys(data))


def _keys(data: Any) -> list[str]:
    """Every key at any depth."""
    keys: list[str] = []
    values = [data]
    while values:
        value = values.pop()
        if isinstance(value, dict):
            keys += value
            values += value.values()
        elif isinstance(value, list):
            values += value
    return keys
