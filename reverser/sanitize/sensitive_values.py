"""Sensitive values, which never stand in a document: those of Secrets, and what the user calls sensitive.

Each value of a Secret becomes `hmac:` and a keyed digest (BLAKE2b) of its decoded bytes: a rotation shows,
and nobody can guess at values. The digests stay under `data`. A colon is no base64, so the API
server refuses such a document: nobody overwrites a real Secret with digests by mistake, which
`stringData` would allow. The server itself writes `data` only; `stringData` is masked into it.

For this kind alone the fields are an allow-list, so that no field of a future version leaks.

What the user calls sensitive is left out, or masked in its place:

    [[sensitive]]
    resources = ["databases.example.com"]
    paths = ["spec.password"]              # or keys = ["*-token"], or neither: all of the object
"""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64decode
from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any

import msgspec

from reverser.errors import WithheldError
from reverser.model.resource import ResourceType
from reverser.model.rule import SensitiveRule
from reverser.sanitize.field_path import parse_path, replaced
from reverser.sanitize.json_content import Content, copied, mapping
from reverser.sanitize.object_copies import ANNOTATIONS, NEEDED
from reverser.select.resource_patterns import means

_FIELDS = frozenset({"apiVersion", "kind", "metadata", "type", "immutable"})
_MASKED = re.compile("hmac:[0-9a-f]{32}")
_KEY_BYTES = 64


def is_secret(obj: Content, type: ResourceType) -> bool:  # noqa: A002
    """Whether the type or the object itself says Secret: one of the two is enough."""
    return (type.group, type.kind) == ("", "Secret") or (obj.get("apiVersion"), obj.get("kind")) == (
        "v1",
        "Secret",
    )


def without_values(obj: Content, type: ResourceType) -> Content:  # noqa: A002
    """The object itself; of a Secret what tells nothing of its values."""
    if not is_secret(obj, type):
        return obj
    allowed = {name: value for name, value in obj.items() if name in _FIELDS}
    return {**allowed, "metadata": copied(obj.get("metadata"))}


def masked(content: Content, key: bytes) -> Content:
    """The Secret with a digest for each value. Raises WithheldError without a usable key."""
    _check(key)
    digests = {name: _mask(value, key) for name, value in (mapping(content, "data") or {}).items()}
    texts = mapping(content, "stringData") or {}
    digests |= {name: _digest(_text(value).encode(), key) for name, value in texts.items()}
    result: Content = {name: value for name, value in content.items() if name in _FIELDS}
    return {**result, "data": digests} if digests else result


def masked_value(text: str, key: bytes) -> str:
    """A text as a digest; one that is masked already stays. Raises WithheldError without a usable key."""
    _check(key)
    return text if _MASKED.fullmatch(text) else _digest(text.encode("utf-8", "surrogatepass"), key)


def holds_masked(value: Any) -> bool:
    """Whether a masked value is in it, anywhere."""
    if isinstance(value, str):
        return _MASKED.fullmatch(value) is not None
    if isinstance(value, dict):
        return any(map(holds_masked, value.values()))
    return isinstance(value, list) and any(map(holds_masked, value))


def _check(key: bytes) -> None:
    if not 0 < len(key) <= _KEY_BYTES:
        raise WithheldError("NoMaskKey", f"the key that masks Secrets must have 1 to {_KEY_BYTES} bytes")


def _mask(value: Any, key: bytes) -> str:
    """A value that is masked already stays: it cannot be a real one, for it is no base64."""
    text = _text(value)
    return text if _MASKED.fullmatch(text) else _digest(b64decode(text, validate=True), key)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise WithheldError("Unreadable", "a value of the Secret is not a text")
    return value


def _digest(value: bytes, key: bytes) -> str:
    return f"hmac:{hashlib.blake2b(value, key=key, digest_size=16).hexdigest()}"


KEYED = ("data", "stringData", "binaryData")
IDENTITY = ("apiVersion", "kind")
ABSENT = object()
UNCLEAR = "PerhapsSensitive"
CLARIFY = "write it as plural.group, or take it out of [[sensitive]]"


def unclear(pattern: str) -> str:
    """Why objects of a type are withheld that the pattern could mean."""
    return f"it may be what [[sensitive]] means by {pattern!r}: no served type is called that"


class Sensitive(msgspec.Struct, frozen=True):
    """What is sensitive in objects of one type."""

    whole: bool = False
    """Everything but what names and marks the object."""
    paths: tuple[tuple[str, ...], ...] = ()
    keys: tuple[str, ...] = ()
    """Globs over the keys of `data` and its like."""
    perhaps: str = ""
    """A pattern that could mean the type: nobody can tell what of it is to be hidden."""

    def __bool__(self) -> bool:
        return self.whole or bool(self.paths or self.keys or self.perhaps)


@lru_cache(maxsize=4096)
def sensitive(rules: tuple[SensitiveRule, ...], type: ResourceType) -> Sensitive:  # noqa: A002
    """The rules for one type, together."""
    matching = [rule for rule in rules if any(means(pattern, type) for pattern in rule.resources)]
    return Sensitive(
        whole=any(not rule.paths and not rule.keys for rule in matching),
        paths=tuple(parse_path(text) for rule in matching for text in rule.paths),
        keys=tuple(glob for rule in matching for glob in rule.keys),
        perhaps=type.perhaps,
    )


def hidden(content: Content, what: Sensitive, key: bytes | None) -> Content:
    """The content with what is sensitive masked under `key`, or without it when there is none.

    `content` itself stays. Raises WithheldError without a usable key, and where nobody can tell what is
    sensitive.
    """
    if not what:
        return content
    if what.perhaps:
        raise WithheldError(UNCLEAR, unclear(what.perhaps), hint=CLARIFY)
    hide: Callable[[Any], Any] = (lambda _: ABSENT) if key is None else lambda value: digests(value, key)
    for path in what.paths:
        content = replaced(content, path, hide, ABSENT)
    content = _keyed(content, what.keys, hide) if what.keys else content
    for name in NEEDED:
        content = replaced(content, ("metadata", ANNOTATIONS, name), hide, ABSENT)
    return _whole(content, hide) if what.whole else content


def _keyed(content: Content, globs: Sequence[str], hide: Callable[[Any], Any]) -> Content:
    """Each map once, however many of its keys are meant."""
    for field in KEYED:
        values = content.get(field)
        if isinstance(values, dict):
            shown = {
                name: hide(value) if any(fnmatchcase(name, glob) for glob in globs) else value
                for name, value in values.items()
            }
            content = {**content, field: {name: item for name, item in shown.items() if item is not ABSENT}}
    return content


def _whole(content: Content, hide: Callable[[Any], Any]) -> Content:
    """Annotations may hold anything; labels are for selecting, and stay."""
    result: Content = {name: content[name] for name in IDENTITY if name in content}
    metadata = dict(content["metadata"])
    if "annotations" in metadata:
        metadata["annotations"] = hide(metadata["annotations"])
    result["metadata"] = {name: value for name, value in metadata.items() if value is not ABSENT}
    rest = {name: hide(value) for name, value in content.items() if name not in result}
    return result | {name: value for name, value in rest.items() if value is not ABSENT}


def digests(value: Any, key: bytes) -> Any:
    """Every leaf a digest of its own, so that the shape of a value still shows."""
    if isinstance(value, dict):
        return {name: digests(item, key) for name, item in value.items()}
    if isinstance(value, list):
        return [digests(item, key) for item in value]
    return masked_value(value if isinstance(value, str) else json.dumps(value), key)
