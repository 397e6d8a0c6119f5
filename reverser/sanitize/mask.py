"""The values of Secrets, which never stand in a document.

Each value becomes `hmac:` and a keyed digest (BLAKE2b) of its decoded bytes: a rotation shows,
and nobody can guess at values. The digests stay under `data`. A colon is no base64, so the API
server refuses such a document: nobody overwrites a real Secret with digests by mistake, which
`stringData` would allow. The server itself writes `data` only; `stringData` is masked into it.

For this kind alone the fields are an allow-list, so that no field of a future version leaks.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64decode
from typing import Any

from reverser.errors import WithheldError
from reverser.model.resource import ResourceType
from reverser.sanitize.json_content import Content, copied, mapping

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
