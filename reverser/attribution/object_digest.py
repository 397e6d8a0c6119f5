"""The digest that joins a request to its change: one function for both sides.

All destinations share the evidence, though each sanitizes an object in its own way. So the digest has its own
view of an object: everything except what the API server writes after it has asked us, which is its own
metadata and the status. Nothing else needs to be left out: what is equal on both sides cannot separate them,
and what was removed could not tell two requests apart. managedFields do not count, since an audit policy may
omit them. The user's rules are not applied, so a stored fact stays valid when the configuration changes.

A Job gets labels after admission, in several places: of a Job the sanitized content counts. Differences that
the API server makes when it stores a built-in type do not count: a list may be empty or missing, bytes may be
empty or null. The content is encoded as JSON with sorted keys: nobody reads it, and it costs a twentieth of
YAML. Every digest is keyed, since content may be secret.

Null members and empty lists are left out of the JSON: the API server stores built-in types as protobuf,
which does not know empty lists, so `rules: []` comes back as null. Removing such members from the object
takes eight times as long as encoding it, and with API servers before 1.34 every pod template has one
(`creationTimestamp: null`). So they are cut out of the encoded text where that is safe, and removed from the
object otherwise.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

import msgspec

from reverser.errors import WithheldError
from reverser.model.resource import BUILTIN_GROUPS, ObjectKey, ResourceType
from reverser.sanitize.document import Policy, keeps_status, sanitize
from reverser.sanitize.metadata import SERVER_FIELDS

_EMPTY = re.compile(rb'":(?<![^\\]\\":)(?:null|\[\])')
"""An empty member, or text that looks like one.

One backslash before the quote means a manifest inside an annotation, which is text and must not be cut. Two
or more backslashes may end a name, or belong to text within text: such objects take the slow way.
"""
_LATER = re.compile(rb',"[\w./-]+":(?:null|\[\])')
_FIRST = re.compile(rb'\{"[\w./-]+":(?:null|\[\]),?')
r"""Where a member may begin, and never in the middle of a text.

A quote after `,` or `{` is not escaped. If it ended a text, one of `,:}]` would follow, and no name here has
these characters (`\w` is ASCII in bytes).
"""


def without_empty(content: dict[str, Any]) -> bytes:
    """The object as compact JSON with sorted keys, without such members at any depth."""
    encoded = msgspec.json.encode(content, order="deterministic")
    if not _EMPTY.search(encoded):
        return encoded
    cut = _FIRST.sub(b"{", _LATER.sub(b"", encoded))
    return (
        msgspec.json.encode(_without_empty_members(content), order="deterministic")
        if _EMPTY.search(cut)
        else cut
    )


def _without_empty_members(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_empty_members(item)
            for key, item in value.items()
            if item is not None and item != []
        }
    if isinstance(value, list):
        return [_without_empty_members(item) for item in value]
    return value


NOT_COMPARABLE = b""
MOST_BYTES = 256 * 1024
"""Of an object as JSON: a larger one is joined by its key alone, so that an answer never takes long."""

_PURPOSE = b"evidence"
_LABELLED_LATE = (("batch", "Job"),)
_BYTES = {("", "Secret"): "data", ("", "ConfigMap"): "binaryData"}
"""Maps of bytes: null when it is asked for, "" when it is stored."""


def evidence_digest(
    object: Any,  # noqa: A002 - the word of the design
    key: ObjectKey,
    resource: ResourceType,
    digest_key: bytes,
) -> bytes:
    """16 bytes, equal for an object as it is asked for and as it is stored.

    Empty when it cannot be compared: without a key, an object of another kind or served version
    than `resource`, or one that cannot be read. Both sides must take `resource` from the same discovery.
    """
    if not digest_key or not _is_of_type(object, resource):
        return NOT_COMPARABLE
    try:
        content = _encode(_compared_view(object, key, resource, digest_key), resource)
    except (WithheldError, TypeError, ValueError, OverflowError, RecursionError):
        return NOT_COMPARABLE
    return hashlib.blake2b(content, key=digest_key, digest_size=16, person=_PURPOSE).digest()


def _compared_view(
    obj: dict[str, Any], key: ObjectKey, resource: ResourceType, digest_key: bytes
) -> dict[str, Any]:
    view = {**obj, "metadata": _without(obj["metadata"], SERVER_FIELDS)}
    if (resource.group, resource.kind) in _LABELLED_LATE:
        return sanitize(
            view, key, resource, Policy(style="full", secrets="mask", mask_key=digest_key)
        ).content
    return view if keeps_status(resource) else _without(view, ("status",))


def _without(parent: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in parent.items() if name not in names}


def _encode(content: dict[str, Any], resource: ResourceType) -> bytes:
    if resource.group in BUILTIN_GROUPS:
        return without_empty(_empty_for_null(content, resource))
    return msgspec.json.encode(content, order="deterministic")


def _empty_for_null(content: dict[str, Any], resource: ResourceType) -> dict[str, Any]:
    field = _BYTES.get((resource.group, resource.kind), "")
    values = content.get(field)
    if not isinstance(values, dict):
        return content
    return {**content, field: {name: "" if value is None else value for name, value in values.items()}}


def _is_of_type(obj: Any, resource: ResourceType) -> bool:
    return (
        isinstance(obj, dict)
        and (obj.get("apiVersion"), obj.get("kind")) == (resource.api_version, resource.kind)
        and isinstance(obj.get("metadata"), dict)
    )
