"""Reading and copying JSON content that nobody vouches for.

`copied` gives a rule something it may change in place. `mapping` and `rows` lead into it and
withhold the object where something else stands than a rule expects: no rule may pass over what it
could not read. Messages name fields, never values.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from reverser.errors import WithheldError
from reverser.sanitize.object_copies import ANNOTATIONS, EVERYWHERE, without_copies

Content: TypeAlias = dict[str, Any]

_MAPS = frozenset((dict,))
_LEAVES = frozenset((str, int, float, bool, type(None)))


def copied(value: Any) -> Any:
    """A deep copy of JSON data, without annotations that are copies themselves."""
    kind = type(value)
    if kind is dict:
        copy = value.copy()
        for name in EVERYWHERE:
            copy.pop(name, None)
        for key, item in copy.items():
            if type(item) not in _LEAVES:
                copy[key] = copied(without_copies(item) if key == ANNOTATIONS else item)
        return copy
    if kind is list:
        return [item if type(item) in _LEAVES else copied(item) for item in value]
    if kind in _LEAVES:
        return value
    raise WithheldError("Unreadable", f"the object holds a {kind.__name__}, which is not JSON")


def mapping(parent: Content, key: str, *more: str) -> Content | None:
    """The map at the end of a chain of maps; None when one is missing. Raises WithheldError."""
    for step in (key, *more):
        value = parent.get(step)
        if value is None:
            return None
        if not isinstance(value, dict):
            raise WithheldError("Unreadable", f"the field {step!a} is not a map")
        parent = value
    return parent


def rows(parent: Content, key: str) -> list[Content]:
    """The list of maps under `key`; empty when it is missing. Raises WithheldError."""
    value = parent.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not _MAPS.issuperset(map(type, value)):
        raise WithheldError("Unreadable", f"the field {key!a} is not a list of maps")
    return value


def texts(parent: Content, key: str) -> dict[str, str]:
    """The map of texts under `key` (annotations, labels); empty when it is missing. Raises WithheldError."""
    value = mapping(parent, key) or {}
    if not all(isinstance(item, str) for item in value.values()):
        raise WithheldError("Unreadable", f"the field {key!a} is not a map of texts")
    return value


def drop(parent: Content | None, *keys: str) -> None:
    """Remove keys where they are."""
    if parent is not None:
        for key in keys:
            parent.pop(key, None)


def drop_emptied(parent: Content, key: str) -> None:
    """Remove a map that sanitizing has left empty."""
    if parent.get(key) == {}:
        del parent[key]
