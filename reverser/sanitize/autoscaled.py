"""Who scales a workload: then its `replicas` are the autoscaler's business, not a person's.

An autoscaler that has scaled leaves a managedFields entry of the subresource `scale`. With
server-side apply and no replicas in the manifest there is never such an entry, so that the
autoscaler itself must be looked up: `scale_target` reads it.
"""

from __future__ import annotations

from typing import Any

from reverser.sanitize.managed_fields import entries

REPLICAS = ("spec", "replicas")


def scale_target(obj: dict[str, Any]) -> tuple[str, str, str] | None:
    """(group, kind, name) of what a HorizontalPodAutoscaler scales; None if it does not say."""
    spec = obj.get("spec")
    target = spec.get("scaleTargetRef") if isinstance(spec, dict) else None
    if not isinstance(target, dict):
        return None
    version, kind, name = (target.get(key, "") for key in ("apiVersion", "kind", "name"))
    if not (isinstance(version, str) and isinstance(kind, str) and isinstance(name, str) and kind and name):
        return None
    return version.rpartition("/")[0], kind, name


def scaled_by_controller(obj: dict[str, Any]) -> bool:
    """Whether kube-controller-manager has written `spec.replicas` through the subresource `scale`."""
    return any(
        entry.get("subresource") == "scale"
        and entry.get("manager") == "kube-controller-manager"
        and "f:replicas" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})
        for entry in entries(obj)
    )
