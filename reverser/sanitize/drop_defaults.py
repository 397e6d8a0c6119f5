"""Leave out what equals the API's default: the engine behind the table in `defaults`.

The rows of a kind are compiled into a tree once, so that an object is walked once whatever the
number of rows. Inner fields go first; the tests of one map all see it as it was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reverser.sanitize.defaults import DEFAULTS, Rows
from reverser.sanitize.field_path import ANY, parse_path
from reverser.sanitize.json_content import Content
from reverser.sanitize.workloads import Kind

Test = Callable[[Any, Content], bool]


class Field:
    """One field of the tree: when it goes, and what is inside it."""

    __slots__ = ("fields", "is_default")

    def __init__(self) -> None:
        self.fields: dict[str, Field] = {}
        self.is_default: Test | None = None


def leave_out_defaults(content: Content, kind: Kind) -> None:
    """Remove every field of the kind's table that has its default."""
    if kind in _TREES:
        _walk(_TREES[kind], content)


def compiled(rows: Rows) -> Field:
    """The tree of a table."""
    root = Field()
    for path, default in rows:
        field = root
        for step in parse_path(path):
            field = field.fields.setdefault(step, Field())
        field.is_default = default if callable(default) else _equals(default)
    return root


def _equals(default: Any) -> Test:
    """The type counts: `0` is not `False`."""
    return lambda value, siblings: type(value) is type(default) and value == default  # noqa: ARG005


def _walk(field: Field, content: Content) -> None:
    defaults = []
    for key, inner in field.fields.items():
        if key not in content:
            continue
        value = content[key]
        if inner.fields:
            _walk_value(inner, value)
        if inner.is_default is not None and inner.is_default(value, content):
            defaults.append(key)
    for key in defaults:
        del content[key]


def _walk_value(field: Field, value: Any) -> None:
    every = field.fields.get(ANY)
    if every is None:
        if isinstance(value, dict):
            _walk(field, value)
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                _walk(every, item)


_TREES = {kind: compiled(rows) for kind, rows in DEFAULTS.items()}
