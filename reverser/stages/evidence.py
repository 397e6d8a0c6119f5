"""The digest that joins a request to its change: one function for both sides.

Evidence is shared by all destinations, while each looks at an object in its own way. So the digest
has a view of its own, which keeps as much as both sides can agree on, since what it leaves out
cannot tell two requests apart:

- style full: a default that was spelled out is a difference;
- Secrets by keyed digests of their values, which never leave the sanitizer;
- without the user's own rules, so that a kept fact outlives a change of the configuration;
- without managedFields. They are written after we are asked, and an audit policy may omit them.
  Without them the sanitizer keeps what was allocated, and that is there when we are asked.

What the API server adds after admission, a Job's own labels, goes with the sanitizer's rule of the
kind. What it loses when it stores a built-in type, whether a list is empty or missing, is left out
here. Encoded as JSON with sorted keys: nobody reads it, and it costs a twentieth of YAML.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from reverser.errors import WithheldError
from reverser.model.resource import ObjectKey, ResourceType
from reverser.stages.sanitize import Policy, sanitize
from reverser.stages.sanitize.builtin import BUILTIN_GROUPS

NOT_COMPARABLE = b""
MOST_BYTES = 256 * 1024
"""Of an object as JSON: a larger one is joined by its key alone, so that an answer never takes long."""

EMPTY = (b":null", b":[]")
"""How what `_without_empty_lists` leaves out looks when it is encoded. Seldom is it there, and to walk
through an object takes longer than all the rest."""

_PURPOSE = b"evidence"


def evidence_digest(
    object: Any,  # noqa: A002 - the word of the design
    key: ObjectKey,
    resource: ResourceType,
    digest_key: bytes,
) -> bytes:
    """16 bytes, equal for an object as it is asked for and as it is stored.

    Empty when it cannot be compared: an object of another kind or served version than `resource`,
    or one that cannot be sanitized. Both sides must take `resource` from the same discovery.
    """
    if not _of(object, resource):
        return NOT_COMPARABLE
    policy = Policy(style="full", secrets="mask", mask_key=digest_key)
    try:
        document = sanitize(_unmanaged(object), key, resource, policy)
        content = _encoded(document.content, resource)
    except (WithheldError, TypeError, ValueError, OverflowError, RecursionError):
        return NOT_COMPARABLE
    return hashlib.blake2b(content, key=digest_key, digest_size=16, person=_PURPOSE).digest()


def _encoded(content: dict[str, Any], resource: ResourceType) -> bytes:
    encoded = msgspec.json.encode(content, order="deterministic")
    if resource.group not in BUILTIN_GROUPS or not any(empty in encoded for empty in EMPTY):
        return encoded
    return msgspec.json.encode(_without_empty_lists(content), order="deterministic")


def _without_empty_lists(value: Any) -> Any:
    """Built-in types are stored as protobuf, which knows no empty list: `rules: []` comes back as null."""
    if isinstance(value, dict):
        return {
            key: _without_empty_lists(item) for key, item in value.items() if item is not None and item != []
        }
    if isinstance(value, list):
        return [_without_empty_lists(item) for item in value]
    return value


def _of(obj: Any, resource: ResourceType) -> bool:
    return isinstance(obj, dict) and (obj.get("apiVersion"), obj.get("kind")) == (
        resource.api_version,
        resource.kind,
    )


def _unmanaged(obj: dict[str, Any]) -> dict[str, Any]:
    metadata = obj.get("metadata")
    if not isinstance(metadata, dict):
        return obj
    return {**obj, "metadata": {name: value for name, value in metadata.items() if name != "managedFields"}}
