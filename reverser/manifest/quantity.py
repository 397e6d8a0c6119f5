"""Kubernetes quantities, compared by meaning: `1024Mi` is `1Gi`, `0.5` is `500m`.

The API server writes them in one canonical form, people in the form they like. The grammar is that of
k8s.io/apimachinery/pkg/api/resource: a number, then a binary, a decimal, or an exponent suffix. Where they
stand is a table of the built-in types: elsewhere, in a ConfigMap, an annotation or a custom resource, a text
is a text.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

from reverser.manifest.list_alignment import aligned

_FORM = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([KMGTPE]i)|([numkMGTPE])|[eE]([+-]?\d{1,2}))?", re.ASCII)
_BINARY = {f"{letter}i": 1024**power for power, letter in enumerate("KMGTPE", 1)}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
LENGTH_MOST = 100
"""Characters. What is longer is compared as it is written: Python refuses numbers of thousands of digits."""

Fields = dict[str, Any]
"""Field or `*` (every key of a map, every item of a list) -> the fields below; nothing below: a quantity."""

_RESOURCES = ("resources.limits.*", "resources.requests.*")
_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
_POD = (
    "overhead.*",
    *_RESOURCES,
    *(f"{each}.*.{path}" for each in _CONTAINERS for path in _RESOURCES),
    *(f"{each}.*.env.*.valueFrom.resourceFieldRef.divisor" for each in _CONTAINERS),
    "volumes.*.emptyDir.sizeLimit",
    "volumes.*.downwardAPI.items.*.resourceFieldRef.divisor",
    "volumes.*.projected.sources.*.downwardAPI.items.*.resourceFieldRef.divisor",
    *(f"volumes.*.ephemeral.volumeClaimTemplate.spec.{path}" for path in _RESOURCES),
)
_PODS = {
    ("", "Pod"): "spec",
    ("", "PodTemplate"): "template.spec",
    ("", "ReplicationController"): "spec.template.spec",
    ("apps", "DaemonSet"): "spec.template.spec",
    ("apps", "Deployment"): "spec.template.spec",
    ("apps", "ReplicaSet"): "spec.template.spec",
    ("apps", "StatefulSet"): "spec.template.spec",
    ("batch", "CronJob"): "spec.jobTemplate.spec.template.spec",
    ("batch", "Job"): "spec.template.spec",
}
_METRICS = ("containerResource", "external", "object", "pods", "resource")
_OTHERS: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "LimitRange"): tuple(
        f"spec.limits.*.{each}.*"
        for each in ("default", "defaultRequest", "max", "maxLimitRequestRatio", "min")
    ),
    ("", "PersistentVolume"): ("spec.capacity.*",),
    ("", "PersistentVolumeClaim"): tuple(f"spec.{path}" for path in _RESOURCES),
    ("", "ResourceQuota"): ("spec.hard.*",),
    ("apps", "StatefulSet"): tuple(f"spec.volumeClaimTemplates.*.spec.{path}" for path in _RESOURCES),
    ("autoscaling", "HorizontalPodAutoscaler"): (
        *(f"spec.metrics.*.{each}.target.averageValue" for each in _METRICS),
        *(f"spec.metrics.*.{each}.target.value" for each in _METRICS),
        "spec.behavior.scaleDown.tolerance",
        "spec.behavior.scaleUp.tolerance",
    ),
    ("node.k8s.io", "RuntimeClass"): ("overhead.podFixed.*",),
    ("storage.k8s.io", "CSIStorageCapacity"): ("capacity", "maximumVolumeSize"),
}


def _compiled() -> dict[tuple[str, str], Fields]:
    by_kind: dict[tuple[str, str], Fields] = {}
    pods = {kind: tuple(f"{pod}.{path}" for path in _POD) for kind, pod in _PODS.items()}
    for kind, paths in (*pods.items(), *_OTHERS.items()):
        for path in paths:
            fields = by_kind.setdefault(kind, {})
            for step in path.split("."):
                fields = fields.setdefault(step, {})
    return by_kind


QUANTITIES = _compiled()
"""(group, kind) -> where its quantities stand."""


def parse(value: Any) -> Fraction | None:
    """What a quantity amounts to; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if len(value) > LENGTH_MOST if isinstance(value, str) else abs(value) >= 2**63:
        return None
    match = _FORM.fullmatch(str(value))
    if not match:
        return None
    number, binary, decimal, exponent = match.groups()
    power = _DECIMAL[decimal] if decimal else int(exponent or 0)
    scale: Fraction = Fraction(10) ** power
    factor = _BINARY[binary] if binary else 1
    return Fraction(number) * factor * scale


def spelled_as(new: dict[str, Any], old: Any) -> dict[str, Any]:
    """The document `new`, with each quantity that means the same in `old` spelled as it is there.

    Only where the API server respells: in the fields of built-in types that are quantities.
    """
    group = str(new.get("apiVersion", "")).rpartition("/")[0]
    fields = QUANTITIES.get((group, str(new.get("kind", ""))))
    document: dict[str, Any] = new if fields is None else _spelled(new, old, fields)
    return document


def _spelled(new: Any, old: Any, fields: Fields) -> Any:
    if not fields:
        amount = parse(new)
        return old if amount is not None and amount == parse(old) else new
    if isinstance(new, dict) and isinstance(old, dict):
        below = {key: fields.get(key, fields.get("*")) for key in new if key in old}
        return new | {
            key: _spelled(new[key], old[key], each) for key, each in below.items() if each is not None
        }
    if isinstance(new, list) and isinstance(old, list) and "*" in fields:
        items = list(new)
        for old_at, new_at in aligned(old, new):
            if old_at is not None and new_at is not None:
                items[new_at] = _spelled(new[new_at], old[old_at], fields["*"])
        return items
    return new
