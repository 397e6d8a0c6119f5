"""What changed between two documents, one field path a line, for the body of a commit.

    spec.replicas: 2 -> 5
    spec.paused: + true                       a field that was not there
    spec.minReadySeconds: - 10                a field that is gone
    spec.template.spec.containers: order changed
    data.password: changed                    in a Secret, or masked: never a value

Items of a list are named by the key that Kubernetes merges them by, where every item has it and
no two are alike; otherwise they are counted from 0. Values are JSON, cut at 60 characters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from reverser.stages.text import cut, visible

MOST_LINES = 10
VALUE_CHARACTERS = 60
KEY_CHARACTERS = 80

# In this order: a volumeMount has a name too, but is merged by its path.
_MERGE_KEYS = (
    ("mountPath",),
    ("name",),
    ("containerPort", "protocol"),
    ("port", "protocol"),
    ("devicePath",),
    ("key",),
    ("ip",),
    ("topologyKey",),
    ("type",),
)
_MASKED = re.compile("hmac:[0-9a-f]{32}")
_SIMPLE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")
_ABSENT: Any = object()


def describe(
    old: dict[str, Any] | None, new: dict[str, Any] | None, *, secret: bool = False
) -> tuple[str, ...]:
    """At most 10 lines; none when there is no old or no new document."""
    if old is None or new is None:
        return ()
    lines = [_line(*difference, secret=secret) for difference in _differences("", old, new)]
    if len(lines) <= MOST_LINES:
        return tuple(lines)
    kept = MOST_LINES - 1
    return (*lines[:kept], f"… and {len(lines) - kept} more")


def _line(path: str, old: Any, new: Any, *, secret: bool) -> str:
    secret = secret or _holds_masked(old) or _holds_masked(new)
    if old is new is _ABSENT:
        return f"{path}: order changed"
    if old is _ABSENT:
        return f"{path}: added" if secret else f"{path}: + {_value(new)}"
    if new is _ABSENT:
        return f"{path}: removed" if secret else f"{path}: - {_value(old)}"
    return f"{path}: changed" if secret else f"{path}: {_value(old)} -> {_value(new)}"


def _holds_masked(value: Any) -> bool:
    """Whether a masked value is in it, anywhere: the line would be no use, and a digest is for files."""
    if isinstance(value, dict):
        return any(map(_holds_masked, value.values()))
    if isinstance(value, list):
        return any(map(_holds_masked, value))
    return isinstance(value, str) and _MASKED.fullmatch(value) is not None


def _differences(path: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    """(path, old, new) of each difference; both absent: only the order changed."""
    if isinstance(old, dict) and isinstance(new, dict):
        yield from _in_maps(old, new, sorted({*old, *new}), lambda key: _child(path, key))
    elif isinstance(old, list) and isinstance(new, list):
        yield from _in_lists(path, old, new)
    elif old != new:
        yield path, old, new


def _in_maps(
    old: dict[str, Any], new: dict[str, Any], keys: Iterable[str], spell: Callable[[str], str]
) -> Iterator[tuple[str, Any, Any]]:
    for key in keys:
        before, after = old.get(key, _ABSENT), new.get(key, _ABSENT)
        if before is _ABSENT or after is _ABSENT:
            yield spell(key), before, after
        elif before != after:
            yield from _differences(spell(key), before, after)


def _in_lists(path: str, old: list[Any], new: list[Any]) -> Iterator[tuple[str, Any, Any]]:
    before, after = _named(old, new)
    yield from _in_maps(before, after, {**before, **after}, lambda label: f"{path}[{label}]")
    if [label for label in before if label in after] != [label for label in after if label in before]:
        yield path, _ABSENT, _ABSENT


def _named(old: list[Any], new: list[Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The items of both lists by label: by the first merge key that names all of them, else counted."""
    for keys in _MERGE_KEYS:
        before, after = _by_key(old, keys), _by_key(new, keys)
        if before is not None and after is not None:
            return before, after
    return {str(index): item for index, item in enumerate(old)}, {
        str(index): item for index, item in enumerate(new)
    }


def _by_key(items: list[Any], keys: tuple[str, ...]) -> dict[str, Any] | None:
    named: dict[str, Any] = {}
    for item in items:
        if not isinstance(item, dict) or not isinstance(item.get(keys[0]), str | int):
            return None
        label = "/".join(str(item[key]) for key in keys if key in item)
        named[cut(visible(label), KEY_CHARACTERS)] = item
    return named if len(named) == len(items) else None


def _child(path: str, key: str) -> str:
    if _SIMPLE.fullmatch(key):
        return f"{path}.{key}" if path else key
    return f"{path}['{cut(visible(key), KEY_CHARACTERS)}']"


def _value(value: Any) -> str:
    return cut(visible(json.dumps(value, ensure_ascii=False, separators=(",", ":"))), VALUE_CHARACTERS)
