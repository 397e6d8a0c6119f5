"""What a plugin's sanitizer may do with a document: remove, mask, and nothing else. Pure.

What it returns only tells what is to stay: the document is made of what was there before. So nothing
gets past the core sanitizer by way of a plugin, not by mistake, and not by an answer that looks
another way when it is written than when it was checked.
"""

from __future__ import annotations

from typing import Any

import msgspec

from reverser import MASK

KEPT = ("apiVersion", "kind")
KEPT_METADATA = ("name", "namespace")


class ExcessError(Exception):
    """The answer goes too far; the text says how, and quotes no value."""


def unchanged(written: bytes, after: Any) -> bool:
    """Whether `after` is still written like this. False says nothing: it may not be JSON at all."""
    try:
        return msgspec.json.encode(after) == written
    except Exception:
        return False  # of whatever a plugin has put there; who looks closer tells what it is


def keep_only(before: dict[str, Any], after: Any) -> dict[str, Any]:
    """`before` with only what `after` left of it, sharing nothing with `after`. Raises ExcessError."""
    if not isinstance(after, dict):
        raise ExcessError("returned no content")
    metadata, kept = before["metadata"], after.get("metadata")
    if any(not _same(after.get(name), before.get(name)) for name in KEPT) or not isinstance(kept, dict):
        raise ExcessError("removed or changed apiVersion, kind or metadata")
    if any(not _same(kept.get(name), metadata.get(name)) for name in KEPT_METADATA):
        raise ExcessError("removed or changed the object's name or namespace")
    made: dict[str, Any] = _left(before, after, "")
    return made


def _left(before: Any, after: Any, path: str) -> Any:
    """What `after` leaves of `before`. Raises ExcessError for what was not there."""
    if isinstance(before, dict) and isinstance(after, dict):
        return {
            name: _left(before[name], after[name], f"{path}.{name}") for name in _names(before, after, path)
        }
    if isinstance(before, list) and isinstance(after, list):
        return _items(before, after, path)
    if _same(after, before):
        return before
    if isinstance(before, str) and type(after) is str and after == MASK:
        return MASK
    raise ExcessError(f"added or changed {path.lstrip('.') or 'it'}")


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _names(before: dict[str, Any], after: dict[str, Any], path: str) -> list[str]:
    """In the order of `before`."""
    for name in after:
        if name not in before:
            raise ExcessError(f"added or changed {path}.{name}".replace(" .", " "))
    return [name for name in before if name in after]


def _items(before: list[Any], after: list[Any], path: str) -> list[Any]:
    """Items may go, the rest keeps its order."""
    rest = iter(before)
    return [_item(rest, item, f"{path}[{index}]") for index, item in enumerate(after)]


def _item(rest: Any, item: Any, path: str) -> Any:
    """The next of the rest that `item` is less of."""
    for old in rest:
        try:
            return _left(old, item, path)
        except ExcessError:
            continue
    raise ExcessError(f"added or changed {path.lstrip('.')}")
