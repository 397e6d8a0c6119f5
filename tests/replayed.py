"""Audit events as the writes that a replay makes of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from reverser.attribution.audit_event import decode_event
from reverser.model.resource import ResourceType
from reverser.replay.event_writes import writes
from reverser.replay.resource_types import LoggedTypes
from reverser.replay.write import EmptiedNamespace, Gap, Write
from tests.audit_events import event

DATABASES = {
    "resource": "databases",
    "apiGroup": "example.com",
    "apiVersion": "v1",
    "namespace": "shop",
    "name": "a",
}


def everything(_type: ResourceType) -> bool:
    return True


def found(
    types: LoggedTypes | None = None, wants: Callable[[ResourceType], bool] = everything, **fields: Any
) -> tuple[Write, ...] | Gap | EmptiedNamespace | None:
    return writes(decode_event(json.dumps(event(**fields)).encode()), types or LoggedTypes(), wants)


def one(types: LoggedTypes | None = None, **fields: Any) -> Write:
    result = found(types, **fields)
    assert isinstance(result, tuple), result
    [write] = result
    return write
