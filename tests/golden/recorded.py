"""Requests that a real API server was asked, as three witnesses tell of them.

`evidence/<kind>-<what>.admission.json` is the AdmissionReview, `.audit.json` the EventList, and
`.watch.jsonl` the watch events: the one before the request, if there was one, and the one it made.
Without the last file the request changed nothing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reverser.attribution import admission_review
from reverser.attribution.audit_body import read_events
from reverser.attribution.object_digest import evidence_digest
from reverser.model.change import Operation
from reverser.model.fact import Fact
from reverser.model.resource import ObjectKey, ResourceType

EVIDENCE = Path(__file__).parent / "evidence"
NAMES = sorted(path.name.removesuffix(".admission.json") for path in EVIDENCE.glob("*.admission.json"))
CHANGES = [name for name in NAMES if (EVIDENCE / f"{name}.watch.jsonl").exists()]
KEY = b"evidence" * 4
AT = 1000.0

_KINDS = {
    "horizontalpodautoscalers": ("v2", "HorizontalPodAutoscaler"),
    "things": ("v1", "Thing"),
}


def review_body(name: str) -> bytes:
    """What the admission webhook was sent."""
    return (EVIDENCE / f"{name}.admission.json").read_bytes()


def event_list(name: str) -> bytes:
    """What the audit webhook was sent."""
    return (EVIDENCE / f"{name}.audit.json").read_bytes()


def watched(name: str) -> list[dict[str, Any]]:
    """The watch events, the change last."""
    lines = (EVIDENCE / f"{name}.watch.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def resource_type(name: str) -> ResourceType:
    """The type of a case as discovery tells it, which is not always as the request does."""
    request = json.loads(review_body(name))["request"]
    group, plural = request["resource"]["group"], request["resource"]["resource"]
    version, kind = _KINDS.get(plural, (request["resource"]["version"], _kind(request)))
    return ResourceType(
        group, version, plural, kind, bool(request.get("namespace")), subresources=("status",)
    )


def admitted(name: str) -> Fact | None:
    """The fact of the admission call."""
    review, type_ = admission_review.decode(review_body(name)), resource_type(name)
    return admission_review.fact(review, "default", type_, KEY, AT)


def audited(name: str) -> Fact | None:
    """The fact of the audit event."""
    reading = read_events(event_list(name), "default")
    assert not reading.problems
    return reading.facts[0] if reading.facts else None


def digest_of_change(name: str) -> bytes:
    """The digest of the object as the watch shows it."""
    return digest_of(name, watched(name)[-1]["object"])


def digest_of(name: str, obj: dict[str, Any]) -> bytes:
    """The digest of any object of the case's type."""
    type_, metadata = resource_type(name), obj["metadata"]
    key = ObjectKey("default", type_.group, type_.resource, metadata.get("namespace", ""), metadata["name"])
    return evidence_digest(obj, key, type_, KEY)


def operation_of(name: str) -> Operation:
    """What the watch says that happened."""
    events = watched(name)
    if events[-1]["type"] == "DELETED" or events[-1]["object"]["metadata"].get("deletionTimestamp"):
        return Operation.DELETE
    return Operation.CREATE if len(events) == 1 else Operation.UPDATE


def _kind(request: dict[str, Any]) -> str:
    if request.get("subResource") == "scale":
        return "Deployment"
    return str(request["kind"]["kind"])
