"""Audit events and what is read from them."""

from __future__ import annotations

import json
from typing import Any

from reverser.attribution.audit_event import decode_event
from reverser.attribution.audit_fact import fact
from reverser.model.fact import Fact

RECEIVED, DONE = "2026-11-23T16:22:45.500000Z", "2026-11-23T16:22:45.750000Z"


def stored(**metadata: Any) -> dict[str, Any]:
    given = {"name": "a", "namespace": "shop", "uid": "u1", "resourceVersion": "6", **metadata}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": given, "data": {"x": "CANARY"}}


def event(**fields: Any) -> dict[str, Any]:
    """A patch of a ConfigMap by alice."""
    return {
        "level": "RequestResponse",
        "auditID": "a1",
        "stage": "ResponseComplete",
        "requestURI": "/api/v1/namespaces/shop/configmaps/a?fieldManager=kubectl-edit",
        "verb": "patch",
        "user": {"username": "alice", "groups": ["dev"]},
        "userAgent": "kubectl/v1.34",
        "objectRef": {"resource": "configmaps", "namespace": "shop", "name": "a", "apiVersion": "v1"},
        "responseStatus": {"metadata": {}, "code": 200},
        "requestObject": {"data": {"x": "CANARY"}},
        "responseObject": stored(),
        "requestReceivedTimestamp": RECEIVED,
        "stageTimestamp": DONE,
        **fields,
    }


def ref(**fields: Any) -> dict[str, Any]:
    return {**event()["objectRef"], **fields}


def found(**fields: Any) -> Fact | None:
    return fact(decode_event(json.dumps(event(**fields)).encode()), "default")


def told(**fields: Any) -> Fact:
    result = found(**fields)
    assert result is not None
    return result


def batch(*items: bytes | dict[str, Any]) -> bytes:
    raw = b",".join(item if isinstance(item, bytes) else json.dumps(item).encode() for item in items)
    return b'{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{},"items":[' + raw + b"]}"


def good(number: int = 1) -> dict[str, Any]:
    return event(auditID=f"a{number}")
