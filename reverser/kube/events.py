"""Lines of a watch become observations. `WatchEvent` never leaves this package."""

from __future__ import annotations

from typing import Any

import msgspec

from reverser.kube.errors import Unreachable, status_error
from reverser.model.change import Change, Origin, Stream

INITIAL_EVENTS_END = "k8s.io/initial-events-end"


class WatchEvent(msgspec.Struct):
    """One line of a watch."""

    type: str
    object: dict[str, Any]

    @property
    def resource_version(self) -> str:
        return str(self.object.get("metadata", {}).get("resourceVersion", ""))

    @property
    def ends_initial_events(self) -> bool:
        annotations = self.object.get("metadata", {}).get("annotations") or {}
        return annotations.get(INITIAL_EVENTS_END) == "true"


_decode = msgspec.json.Decoder(WatchEvent).decode


def event_of(line: bytes) -> WatchEvent:
    """Decode a line. Raises Unreachable for one that is no event, ApiError for an ERROR event."""
    try:
        event = _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreachable("the stream broke off in the middle of an event") from error
    if event.type == "ERROR":
        raise status_error(event.object, 500)
    return event


def change_of(stream: Stream, event: WatchEvent, origin: Origin, now: float) -> Change:
    """The change that an ADDED, MODIFIED or DELETED event tells of."""
    metadata = event.object.get("metadata", {})
    return Change(
        stream=stream,
        key=stream.key(metadata.get("namespace", ""), metadata.get("name", "")),
        origin=origin,
        deleted=event.type == "DELETED" or "deletionTimestamp" in metadata,
        object=event.object,
        resource_version=event.resource_version if origin is Origin.LIVE else "",
        seen_at=now,
    )
