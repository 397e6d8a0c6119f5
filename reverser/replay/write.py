"""The results of reading an audit event: writes of objects, gaps, and namespaces that were emptied."""

from __future__ import annotations

import enum
from typing import Any, TypeAlias

import msgspec

from reverser.model.attribution import Attribution
from reverser.model.change import Operation
from reverser.model.fact import Fact
from reverser.model.resource import ResourceType

MICROSECONDS = 1_000_000


class Form(enum.Enum):
    """What is known of the object's state after a write."""

    WHOLE = "whole"
    PATCH = "patch"
    """A JSON merge patch."""
    REPLICAS = "replicas"
    """`spec.replicas` alone, as a patch."""
    REMOVED = "removed"


class Write(msgspec.Struct, frozen=True, kw_only=True):
    """One write of one object."""

    type: ResourceType
    namespace: str
    name: str
    operation: Operation
    form: Form
    body: dict[str, Any] = {}
    at: int
    """Microseconds since 1970: when the API server had answered."""
    uid: str = ""
    version: int = 0
    """resourceVersion after the write; 0 where it is unknown, or no number."""
    attribution: Attribution
    audit_id: str = ""
    request: Fact | None = None
    """What the request would have left in managed fields; of an object that was answered whole."""
    presumed: bool = False
    """The request proves that the object was deleted by then, not that this request did it."""


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """A write whose resulting state is not known."""

    reason: str
    """A constant sentence."""
    type: ResourceType
    namespace: str = ""
    name: str = ""
    at: int
    version: int = 0
    uid: str = ""
    user: str = ""
    collection: bool = False
    """Of every object of the type in the namespace; in all namespaces where it names none."""


class EmptiedNamespace(msgspec.Struct, frozen=True, kw_only=True):
    """A namespace that Kubernetes has emptied before it removes it."""

    namespace: str
    at: int
    attribution: Attribution
    audit_id: str = ""


LogRecord: TypeAlias = Write | Gap | EmptiedNamespace
