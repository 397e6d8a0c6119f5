"""Field paths as people write them, and content without them.

`spec.observed`, `metadata.annotations['example.com/seen']`, `spec.containers[*].image`. A key with
dots or slashes stands in brackets and quotes; `[*]` is every item of a list or every value of a
map. Single items cannot be addressed: their place in a list says nothing about what they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

ANY = "*"

_STEP = re.compile(
    r"""(?P<dot>\.)?(?P<name>[A-Za-z0-9_-]+)|\[(?P<any>\*)\]|\[(?P<quote>['"])(?P<key>(?:(?!(?P=quote)).)+)(?P=quote)\]""",
    re.DOTALL,
)
_IDENTITY = frozenset(
    {("apiVersion",), ("kind",), ("metadata",), ("metadata", "name"), ("metadata", "namespace")}
)


def parse_path(text: str) -> tuple[str, ...]:
    """The steps of a field path; `*` is `[*]`. Raises ValueError with what is wrong, for people."""
    steps: list[str] = []
    position = 0
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None or (match["name"] and bool(match["dot"]) != bool(position)):
            raise ValueError(_complaint(text[position:]))
        if match["key"] == ANY:
            raise ValueError("a key that is called * cannot be addressed")
        steps.append(match["name"] or match["any"] or match["key"])
        position = match.end()
    _check(steps)
    return tuple(steps)


def without(value: Any, paths: Iterable[tuple[str, ...]]) -> Any:
    """`value` without what the paths address; shares what is untouched, changes nothing in place."""
    for path in paths:
        value = _without(value, path)
    return value


def _without(value: Any, path: tuple[str, ...]) -> Any:
    head, rest = path[0], path[1:]
    if head == ANY:
        return _without_each(value, rest)
    if not isinstance(value, dict) or head not in value:
        return value
    if not rest:
        return {key: item for key, item in value.items() if key != head}
    child = _without(value[head], rest)
    return value if child is value[head] else {**value, head: child}


def _without_each(value: Any, path: tuple[str, ...]) -> Any:
    if isinstance(value, list):
        return [_without(item, path) for item in value]
    if isinstance(value, dict):
        return {key: _without(item, path) for key, item in value.items()}
    return value


def replaced(value: Any, path: tuple[str, ...], change: Callable[[Any], Any], absent: object) -> Any:
    """`value` with what the path addresses changed, or gone where `change` answers `absent`.

    A list that the path does not mention is gone through, as if it said `[*]`: what is sensitive must not
    stay because of a sign that somebody forgot. Shares what is untouched, changes nothing in place.
    """
    if not path:
        return change(value)
    head, rest = path[0], path[1:]
    if isinstance(value, list):
        items = [replaced(item, rest if head == ANY else path, change, absent) for item in value]
        return [item for item in items if item is not absent]
    if not isinstance(value, dict):
        return value
    changed = {
        name: replaced(item, rest, change, absent) if head in (ANY, name) else item
        for name, item in value.items()
    }
    return {name: item for name, item in changed.items() if item is not absent}


def reaches(value: Any, path: tuple[str, ...]) -> bool:
    """Whether `replaced` would change anything of it."""
    if not path:
        return True
    head, rest = path[0], path[1:]
    if isinstance(value, list):
        return any(reaches(item, rest if head == ANY else path) for item in value)
    if not isinstance(value, dict):
        return False
    return any(reaches(item, rest) for name, item in value.items() if head in (ANY, name))


def _check(steps: list[str]) -> None:
    if not steps:
        raise ValueError("is empty; write a field path, for example spec.replicas")
    if steps[0] == ANY:
        raise ValueError("must begin with the name of a field, for example spec")
    if steps[-1] == ANY:
        raise ValueError("must end with the name of a field, not with [*]")
    if tuple(steps) in _IDENTITY:
        raise ValueError("names the object, so that it cannot be left out")


def _complaint(rest: str) -> str:
    if re.match(r"\[\d+\]", rest):
        return "items cannot be addressed by number; [*] is every item"
    return (
        f"cannot be read from {rest!r} on; write spec.field, spec.items[*].field or metadata.labels['a.b/c']"
    )
