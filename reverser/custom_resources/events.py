"""Kubernetes Events about custom resources: one for each change of state that a person cares about.

They are sent in the background and may be lost: the status is what lasts. There is a bound on how many wait.
"""

from __future__ import annotations

import socket
from collections import deque
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias
from uuid import uuid4

import msgspec
import structlog
import trio

from reverser.custom_resources.api_types import GROUP, VERSION
from reverser.custom_resources.model import ObjectRef
from reverser.errors import ReverserError
from reverser.kube.client import Client

log = structlog.get_logger()

MOST_WAITING = 500
NOTE_LENGTH = 1024
"""Bytes; the API server refuses more."""
CLUSTER_SCOPED_IN = "default"
"""Where Events about objects without a namespace are stored."""

EventType: TypeAlias = Literal["Normal", "Warning"]


class Event(msgspec.Struct, frozen=True):
    """One Event to be sent."""

    ref: ObjectRef
    uid: str
    type: EventType
    reason: str
    note: str


class EventSender:
    """Sends Events one after the other."""

    def __init__(self) -> None:
        self._waiting = deque[Event](maxlen=MOST_WAITING)
        self._woken = trio.Event()

    def send(self, event: Event) -> None:
        """Send an Event soon; the oldest that waits is dropped where too many do."""
        self._waiting.append(event)
        self._woken.set()

    async def run(self, client: Client) -> None:
        """Send what comes until cancelled."""
        while True:
            while self._waiting:
                event = self._waiting.popleft()
                try:
                    await client.post(_path(event), document(event, datetime.now(UTC), socket.gethostname()))
                except ReverserError as error:
                    # The status says the same.
                    log.debug("Event cannot be sent", object=str(event.ref.name), error=error.message)
            self._woken = trio.Event()
            await self._woken.wait()


def _path(event: Event) -> str:
    return f"/apis/events.k8s.io/v1/namespaces/{event.ref.name.namespace or CLUSTER_SCOPED_IN}/events"


def document(event: Event, now: datetime, instance: str) -> dict[str, Any]:
    """The Event as the API server takes it."""
    name, namespace = event.ref.name.name, event.ref.name.namespace
    regarding = {"apiVersion": f"{GROUP}/{VERSION}", "kind": event.ref.kind, "name": name, "uid": event.uid}
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": f"{name[:200]}.{uuid4().hex[:16]}", "namespace": namespace or CLUSTER_SCOPED_IN},
        "eventTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "type": event.type,
        "reason": event.reason,
        "action": "Reconcile",
        "note": event.note.encode()[:NOTE_LENGTH].decode(errors="ignore"),
        "reportingController": f"{GROUP}/reverser",
        "reportingInstance": instance[:128] or "reverser",
        "regarding": regarding | ({"namespace": namespace} if namespace else {}),
    }
