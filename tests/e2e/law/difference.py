"""Where two JSON values differ, for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_ABSENT = "(absent)"


def difference(before: Any, after: Any) -> str:
    """Each place with both sides; empty when they are equal."""
    return "; ".join(_differences(before, after, ""))


def _differences(before: Any, after: Any, path: str) -> Iterator[str]:
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted(before.keys() | after.keys()):
            yield from _differences(before.get(key, _ABSENT), after.get(key, _ABSENT), f"{path}.{key}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for number, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _differences(one, other, f"{path}[{number}]")
    else:
        yield f"{path}: {before!r} -> {after!r}"


def added(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """The places that only `after` has, without numbers of items; a longer list is one."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in after.items():
            place = f"{path}.{key}".removeprefix(".")
            if key in before:
                yield from added(before[key], value, place)
            else:
                yield place
    elif isinstance(before, list) and isinstance(after, list):
        if len(before) < len(after):
            yield path
        elif len(before) == len(after):
            for one, other in zip(before, after, strict=True):
                yield from added(one, other, f"{path}[*]")
