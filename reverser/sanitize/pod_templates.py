"""Where pods stand in each kind: the way to the map that holds `metadata` and `spec` of a pod."""

from __future__ import annotations

from reverser.sanitize.json_content import Content, mapping

Kind = tuple[str, str]

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
