"""What a plugin's sanitizer may do with a document: remove, mask, and nothing else. Pure.

What it returns only tells what is to stay: the document is made of what was there before. So nothing
gets past the core sanitizer by way of a plugin, not by mistake, and not by an answer that looks
another way when it is written than when it was checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from reverser import MASK

FIXED = ("apiVersion", "kind")
FIXED_METADATA = ("name", "namespace")


class ExcessError(Exception):
    """The answer goes too far; the text says how, and quotes no value."""


def unchanged(encoded: bytes, after: Any) -> bool:
    """Whether `after` is still encoded like this. False says nothing: it may not be JSON at all."""
    try:
        return msgspec.json.encode(after) == encoded
    except Exception:
        return False  # of whatever a plugin has put there; `keep_only` tells what it is


def keep_only(before: dict[str, Any], after: Any) -> dict[str, Any]:
    """`before` with only what `after` still has of it, sharing nothing with `after`. Raises ExcessError."""
    if not isinstance(after, dict):
        raise ExcessError("returned no content")
    metadata, metadata_after = before["metadata"], after.get("metadata")
    if any(not _same(after.get(name), before.get(name)) for name in FIXED) or not isinstance(
        metadata_after, dict
    ):
        raise ExcessError("removed or changed apiVersion, kind or metadata")
    if any(not _same(metadata_after.get(name), metadata.get(name)) for name in FIXED_METADATA):
        raise ExcessError("removed or changed the object's name or namespace")
    content: dict[str, Any] = _reduced(before, after, "")
    return content


def _reduced(before: Any, after: Any, path: str) -> Any:
    """What `after` still has of `before`. Raises ExcessError for what was not there."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in after:
            if name not in before:
                raise ExcessError(f"added or changed {path}.{name}".replace(" .", " "))
        return {
            name: _reduced(before[name], after[name], f"{path}.{name}") for name in before if name in after
        }
    if isinstance(before, list) and isinstance(after, list):
        rest = iter(before)  # items may be missing, those that stay keep their order
        return [_reduced_item(rest, item, f"{path}[{index}]") for index, item in enumerate(after)]
    if _same(after, before):
        return before
    if isinstance(before, str) and type(after) is str and after == MASK:
        return MASK
    raise ExcessError(f"added or changed {path.lstrip('.') or 'it'}")


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _reduced_item(rest: Iterator[Any], item: Any, path: str) -> Any:
    """The next of the rest that `item` has less of."""
    for old in rest:
        try:
            return _reduced(old, item, path)
        except ExcessError:
            continue
    raise ExcessError(f"added or changed {path.lstrip('.')}")
