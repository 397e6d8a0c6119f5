"""What `kube.observer` hands to the intake: changes, and the marks between them.

A stream is one watch of one type in one scope. Its observations arrive in the API's order. A list
is bracketed by `ListStarted` and `ListCompleted`; what follows an unanswered `ListStarted` is
discarded when the next one comes, so that nothing is ever concluded from half a list.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from reverser.model.resource import ObjectKey, ResourceType


class Origin(enum.Enum):
    """How a change came to be known."""

    LIVE = "live"
    """An event of a watch."""
    SNAPSHOT = "snapshot"
    """An object of a complete list."""
    SWEEP = "sweep"
    """Absent from a complete list, though the journal knows its file."""


class Operation(enum.Enum):
    """What happened to the object, in the words of admission and audit."""

    CREATE = "CREATE"
    UPDATE = "UPDATE"
    DELETE = "DELETE"


class Stream(msgspec.Struct, frozen=True):
    """One watch: a type in one scope of one cluster, shared by every rule that wants it."""

    cluster: str
    type: ResourceType
    namespace: str = ""
    """Empty: all namespaces (or a type without namespaces)."""

    @property
    def id(self) -> str:
        """Names the stream across restarts and served versions: `default/deployments.apps/shop`."""
        return f"{self.cluster}/{self.type.name}/{self.namespace}"

    def key(self, namespace: str, name: str) -> ObjectKey:
        """The key of one of this stream's objects."""
        return ObjectKey(self.cluster, self.type.group, self.type.resource, namespace, name)

    def holds(self, key: ObjectKey) -> bool:
        """Whether an object is of this type and in this scope."""
        return key == self.key(key.namespace, key.name) and self.namespace in ("", key.namespace)


class Change(msgspec.Struct, frozen=True):
    """One persisted mutation of one object, as the API server told it."""

    stream: Stream
    key: ObjectKey
    origin: Origin
    deleted: bool
    """DELETED, or the object carries a `deletionTimestamp`: its file goes."""
    object: dict[str, Any]
    """The object as it came from the API server. Never written, never logged."""
    resource_version: str
    """The stream's position after this change; empty for objects of a list."""
    seen_at: float
    """Unix seconds when it was read."""
    created: bool = False
    """ADDED: the object was not in the stream's scope before."""
    removed: bool = False
    """DELETED: the object is gone, not only on its way out."""
    size: int = 0
    """Bytes of the JSON that told of it; 0: not known."""
    unreadable: bool = False
    """The object could not be decoded, and holds nothing but its name: it is withheld."""
    text: bytes = b""
    """Of a small object of a list: the JSON that told of it."""
    paged: bool = False
    """`text` is the object alone, an item of a page; else it is an event."""

    @property
    def version(self) -> str:
        """The resourceVersion of the object after the change; empty where nothing names it."""
        metadata = self.object.get("metadata")
        version = metadata.get("resourceVersion") if isinstance(metadata, dict) else None
        return self.resource_version or (version if isinstance(version, str) else "")


class ListStarted(msgspec.Struct, frozen=True):
    """A list begins: forget what an earlier, unfinished list of this stream has brought."""

    stream: Stream


class Unwanted(msgspec.Struct, frozen=True):
    """The stream is followed no more: its type is gone. A list that it had begun will not be completed."""

    stream: Stream


class ListCompleted(msgspec.Struct, frozen=True):
    """Every object of the stream's scope has been seen since `ListStarted`."""

    stream: Stream
    resource_version: str
    seen_at: float


class Progress(msgspec.Struct, frozen=True):
    """A bookmark: the position moves, nothing changed."""

    stream: Stream
    resource_version: str


class StartedOver(msgspec.Struct, frozen=True):
    """The stream's versions were given out before to other contents: what was known by them is void."""

    stream: Stream
    seen_at: float


class Identified(msgspec.Struct, frozen=True):
    """Which cluster answers, where that is not yet in the journal."""

    cluster: str
    uid: str
    """Of its namespace `kube-system`, which lives as long as the cluster."""
    another: bool
    """It is another one than the journal's positions are of."""


class Barrier(msgspec.Struct, frozen=True):
    """Whoever sends it is called back once all that was sent before it is in the journal."""

    passed: Callable[[], None]


Observation: TypeAlias = (
    Change | ListStarted | Unwanted | ListCompleted | Progress | StartedOver | Identified | Barrier
)
