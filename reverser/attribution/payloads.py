"""Structures for the JSON that the API server sends to the admission and audit webhooks.

The bodies come from an API server, but users wrote much of what is in them. So only the fields that are
needed are decoded, and the rest is skipped or stays raw. Every fault becomes one error that quotes nothing.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from reverser.errors import ReverserError
from reverser.model.attribution import Actor

T = TypeVar("T")
D = TypeVar("D")

ABSENT = msgspec.Raw()


class UndecodableError(ReverserError):
    """The body is not what it should be, and the sender must change it; the message never quotes it."""


class UserInfo(msgspec.Struct, frozen=True, gc=False):
    """`userInfo` of an AdmissionReview, `user` of an audit event."""

    username: str = ""
    groups: list[str] | None = None
    extra: dict[str, list[str] | None] | None = None

    @property
    def actor(self) -> Actor:
        extra = {key: values or () for key, values in (self.extra or {}).items()}
        return Actor.of(self.username, self.groups or (), extra)


class OwnerReference(msgspec.Struct, frozen=True, gc=False):
    """An entry of ownerReferences."""

    uid: str = ""


class ObjectMetadata(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """What joins an object to its changes."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    owner_references: list[OwnerReference] | None = None


class ObjectHead(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The beginning of any object."""

    api_version: str = ""
    kind: str = ""
    metadata: ObjectMetadata = ObjectMetadata()


class ScaleSpec(msgspec.Struct, frozen=True, gc=False):
    """`spec` of a Scale; zero replicas are left out."""

    replicas: int = 0


class Scale(msgspec.Struct, frozen=True, gc=False):
    """The body of the subresource `scale`."""

    kind: str = ""
    spec: ScaleSpec = ScaleSpec()


def read(body: bytes | msgspec.Raw, type: type[T]) -> T:  # noqa: A002
    """The body as this structure. Raises UndecodableError, and nothing else."""
    try:
        return msgspec.json.decode(body, type=type)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        # The error itself may quote the body: it must not travel on.
        raise UndecodableError(f"the body cannot be read ({error.__class__.__name__})") from None


def read_or(body: bytes | msgspec.Raw, type: type[T], default: D) -> T | D:  # noqa: A002
    """The body as this structure, or the default when it is another one."""
    try:
        return read(body, type)
    except UndecodableError:
        return default


def object_of(body: bytes | msgspec.Raw) -> dict[str, Any] | None:
    """The JSON object that a body is; None for anything else."""
    document: Any = read_or(body, Any, None)
    return document if isinstance(document, dict) else None


def replicas(body: msgspec.Raw) -> int | None:
    """`spec.replicas` of a Scale; None for anything else."""
    scale = read_or(body, Scale, Scale())
    return scale.spec.replicas if scale.kind == "Scale" else None
