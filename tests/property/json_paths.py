"""Paths into a JSON document."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any


def places(value: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to everything inside an object."""
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, child in children:
        yield (*way, key)
        yield from places(child, (*way, key))


def put(obj: dict[str, Any], way: tuple[Any, ...], value: Any) -> None:
    target: Any = obj
    for key in way[:-1]:
        target = target[key]
    target[way[-1]] = value
