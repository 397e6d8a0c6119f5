"""AdmissionReviews as an API server sends them: an update, so that the object is in them twice."""

from __future__ import annotations

from typing import Any

import msgspec

from tests.bench.samples import sample

OBJECT_BYTES = 8 * 1024
NUMBER = b"-%012d"
_PLACE = NUMBER % 0


def body(number: int, template: bytes) -> bytes:
    """The review with this number: another request for another object than all others."""
    return template.replace(_PLACE, NUMBER % number)


def template() -> bytes:
    """A review of a Deployment of `OBJECT_BYTES`, whose replicas change."""
    old, new = _deployment(3), _deployment(4)
    request = {
        "uid": f"705ab4f5-6393-11e8-b7cc{_PLACE.decode()}",
        "kind": {"group": "apps", "version": "v1", "kind": "Deployment"},
        "resource": {"group": "apps", "version": "v1", "resource": "deployments"},
        "name": new["metadata"]["name"],
        "namespace": new["metadata"]["namespace"],
        "operation": "UPDATE",
        "userInfo": {"username": "alice", "groups": ["system:authenticated"]},
        "object": new,
        "oldObject": old,
        "dryRun": False,
        "options": {
            "kind": "UpdateOptions",
            "apiVersion": "meta.k8s.io/v1",
            "fieldManager": "kubectl-client-side-apply",
        },
    }
    return msgspec.json.encode(
        {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": request}
    )


def _deployment(replicas: int) -> dict[str, Any]:
    deployment = sample(0, 0)
    deployment["spec"]["replicas"] = replicas
    variables = deployment["spec"]["template"]["spec"]["containers"][0]["env"]
    while len(msgspec.json.encode(deployment)) < OBJECT_BYTES:
        number = len(variables)
        variables.append({"name": f"SETTING_{number:03}", "value": f"value of the setting {number:03}"})
    return deployment
