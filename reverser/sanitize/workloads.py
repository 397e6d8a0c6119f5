"""Workloads: Pods, the pods in the templates of others, and what is generated into Jobs and stateful sets.

Admission and the scheduler write into a Pod; into a template they do not, so most of this is for
Pods alone. The two tolerations that admission appends are only known by their place: they are
the last two of an atomic list, and are appended again at each apply.

A Job's generated selector and labels carry its uid: left over, they are refused (422) when the
Job is created again or under another name. With `manualSelector` they are the user's own.

An autoscaler that has scaled leaves a managedFields entry of the subresource `scale`; then `replicas` are its
business, not a person's. With server-side apply and no replicas in the manifest there is never such an entry:
for that `intake.hpa_targets` remembers the autoscalers.

`pod_spec` knows the way to the map that holds `metadata` and `spec` of a pod in each kind.
"""

from __future__ import annotations

import re
from typing import Any

from reverser.sanitize.json_content import Content, drop, drop_emptied, mapping, rows
from reverser.sanitize.managed_fields import entries
from reverser.sanitize.metadata import JOB_LABELS, OriginalObject, tidy

Kind = tuple[str, str]

REPLICAS = ("spec", "replicas")

_TEMPLATE = ("spec", "template")
POD: Kind = ("", "Pod")
TEMPLATES: dict[Kind, tuple[str, ...]] = {
    POD: (),
    ("", "PodTemplate"): ("template",),
    ("", "ReplicationController"): _TEMPLATE,
    ("apps", "Deployment"): _TEMPLATE,
    ("apps", "ReplicaSet"): _TEMPLATE,
    ("apps", "StatefulSet"): _TEMPLATE,
    ("apps", "DaemonSet"): _TEMPLATE,
    ("batch", "Job"): _TEMPLATE,
    ("batch", "CronJob"): ("spec", "jobTemplate", *_TEMPLATE),
}


def pod_spec(content: Content, kind: Kind) -> Content | None:
    """The pod spec of an object of this kind; None when it has none."""
    path = TEMPLATES.get(kind)
    return None if path is None else mapping(content, *path, "spec")


_ACCESS = re.compile(r"kube-api-access-.*")
_TOKEN = re.compile(r".*-token-[a-z0-9]+")
_ALLOCATED = ("nodeName", "priority", "preemptionPolicy", "overhead")
_DEFAULT_TOLERATIONS = [
    {
        "key": f"node.kubernetes.io/{name}",
        "operator": "Exists",
        "effect": "NoExecute",
        "tolerationSeconds": 300,
    }
    for name in ("not-ready", "unreachable")
]


def workload(content: Content, live: OriginalObject) -> None:
    """Strip what the API server leaves in the template's pod spec."""
    spec = pod_spec(content, live.kind)
    if spec is None:
        return
    drop(spec, "serviceAccount")
    for volume in rows(spec, "volumes"):
        template = mapping(volume, "ephemeral", "volumeClaimTemplate")
        if template is not None:
            tidy(template)


def pod(content: Content, live: OriginalObject) -> None:
    """Strip what admission, the scheduler and `kubectl debug` wrote into a Pod."""
    workload(content, live)
    spec = mapping(content, "spec")
    if spec is None:
        return
    drop(spec, "ephemeralContainers")
    drop(spec, *(key for key in _ALLOCATED if not live.owners.owned("spec", key)))
    if spec.get("serviceAccountName") == "default":
        del spec["serviceAccountName"]
    _strip_tokens(spec)
    _strip_tolerations(spec)


def _strip_tokens(spec: Content) -> None:
    volumes = rows(spec, "volumes")
    injected = {volume.get("name") for volume in volumes if _is_token(volume)}
    if not injected:
        return
    _set_or_drop(spec, "volumes", [volume for volume in volumes if volume.get("name") not in injected])
    for container in (*rows(spec, "initContainers"), *rows(spec, "containers")):
        mounts = rows(container, "volumeMounts")
        _set_or_drop(
            container, "volumeMounts", [mount for mount in mounts if mount.get("name") not in injected]
        )


def _is_token(volume: Content) -> bool:
    """A projected token of today, or the Secret of a service account of before 1.24."""
    name = str(volume.get("name", ""))
    if "projected" in volume:
        return _ACCESS.fullmatch(name) is not None
    secret = mapping(volume, "secret")
    return secret is not None and secret.get("secretName") == name and _TOKEN.fullmatch(name) is not None


def _strip_tolerations(spec: Content) -> None:
    tolerations = rows(spec, "tolerations")
    last = sorted(tolerations[-2:], key=lambda each: str(each.get("key")))
    if last == _DEFAULT_TOLERATIONS:
        _set_or_drop(spec, "tolerations", tolerations[:-2])


def _set_or_drop(parent: Content, key: str, items: list[Any]) -> None:
    if items:
        parent[key] = items
    else:
        drop(parent, key)


def job(content: Content, live: OriginalObject) -> None:
    """Strip the generated selector and labels."""
    workload(content, live)
    spec = mapping(content, "spec")
    if spec is None or spec.get("manualSelector") is True:
        return
    drop(spec, "selector")
    template = mapping(spec, "template") or {}
    for metadata in (mapping(content, "metadata"), mapping(template, "metadata")):
        if metadata is not None:
            drop(mapping(metadata, "labels"), *JOB_LABELS)
            drop_emptied(metadata, "labels")
    drop_emptied(template, "metadata")


def stateful_set(content: Content, live: OriginalObject) -> None:
    """Strip what is left over in claim templates, and the empty service name."""
    workload(content, live)
    spec = mapping(content, "spec")
    if spec is None:
        return
    if spec.get("serviceName") == "":
        del spec["serviceName"]
    for template in rows(spec, "volumeClaimTemplates"):
        drop(template, "apiVersion", "kind", "status")
        tidy(template)


def scaled_by_controller(obj: dict[str, Any]) -> bool:
    """Whether kube-controller-manager has written `spec.replicas` through the subresource `scale`."""
    return any(
        entry.get("subresource") == "scale"
        and entry.get("manager") == "kube-controller-manager"
        and "f:replicas" in ((entry.get("fieldsV1") or {}).get("f:spec") or {})
        for entry in entries(obj)
    )
