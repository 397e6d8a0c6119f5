"""Whether a document describes a whole object, or only changes one that is described elsewhere.

A document that the API server would refuse as a new object is a patch: kustomize and kubectl merge it into
another. One that could stand alone and still lacks most of what the object has may be either; then nobody
can tell whether the rest belongs into it, and it is left alone.
"""

from __future__ import annotations

import re
from typing import Any

_DIRECTIVE = re.compile(
    r"^[ \t-]*[\"']?\$(?:patch|setElementOrder|retainKeys|deleteFromPrimitiveList)\b", re.MULTILINE
)
_WORKLOADS = frozenset({"Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"})
_REQUIRED: dict[tuple[str, str], tuple[str, ...]] = {
    **{("apps", kind): ("selector", "containers", "image") for kind in _WORKLOADS},
    ("", "Pod"): ("containers", "image"),
    ("", "ReplicationController"): ("containers", "image"),
    ("batch", "Job"): ("containers", "image"),
    ("batch", "CronJob"): ("schedule", "containers", "image"),
    ("", "PersistentVolumeClaim"): ("accessModes",),
    ("autoscaling", "HorizontalPodAutoscaler"): ("scaleTargetRef",),
    ("networking.k8s.io", "NetworkPolicy"): ("podSelector",),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): ("roleRef",),
    ("rbac.authorization.k8s.io", "RoleBinding"): ("roleRef",),
    ("storage.k8s.io", "StorageClass"): ("provisioner",),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): ("versions",),
}
"""Fields without which the API server refuses a new object."""
_ABSENT: Any = object()
MISSING_LEAST = 4
SHARE_LEAST = 0.25


def is_patch(group: str, kind: str, document: str) -> bool:
    """Whether the text of a document cannot be a whole object of this kind."""
    if _DIRECTIVE.search(document):
        return True
    return any(not _mentions(document, field) for field in _REQUIRED.get((group, kind), ()))


def lacks_most(told: Any, wanted: dict[str, Any]) -> bool:
    """Whether a document has by far less than the object."""
    asked, found = 0, 0
    pairs = [(told, wanted)]
    while pairs:
        have, want = pairs.pop()
        if isinstance(want, dict) and want:
            have = have if isinstance(have, dict) else {}
            pairs += [(have.get(key, _ABSENT), value) for key, value in want.items()]
        elif isinstance(want, list) and want:
            have = have if isinstance(have, list) else []
            pairs += [(have[at] if at < len(have) else _ABSENT, value) for at, value in enumerate(want)]
        else:
            asked, found = asked + 1, found + (have is not _ABSENT)
    named = 4
    return asked - found >= MISSING_LEAST and max(found - named, 0) < SHARE_LEAST * max(asked - named, 1)


def _mentions(document: str, field: str) -> bool:
    return re.search(rf"[\"'\s{{,-]{field}[\"']?[ \t]*:", document) is not None
