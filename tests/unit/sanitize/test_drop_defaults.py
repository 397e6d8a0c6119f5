"""The table of defaults: only the exact default goes."""

from __future__ import annotations

from typing import Any

import pytest

from reverser.sanitize.defaults import DEFAULTS
from reverser.sanitize.drop_defaults import leave_out_defaults
from reverser.sanitize.field_path import parse_path

FIXED = sorted(
    {
        (kind, path): default
        for kind, rows in DEFAULTS.items()
        for path, default in rows
        if not callable(default)
    }.items(),
    key=lambda row: row[0],
)


def nested(steps: tuple[str, ...], value: Any) -> Any:
    """`value` at the end of a way of maps, and lists of one item."""
    for step in reversed(steps):
        value = [value] if step == "*" else {step: value}
    return value


def others(default: Any) -> list[Any]:
    """Values of the same and of other types that look like the default."""
    if isinstance(default, bool):
        return [not default, int(default)]
    if isinstance(default, int):
        return [default + 1, str(default), float(default)]
    if isinstance(default, str):
        return [default + "x", None]
    return [{"other": 1}, [], None]


@pytest.mark.parametrize(
    ("row", "default"), FIXED, ids=lambda part: ".".join(part[0]) + part[1] if isinstance(part, tuple) else ""
)
def test_any_other_value_is_kept(row: tuple[tuple[str, str], str], default: Any) -> None:
    """What is not exactly the default stays, whatever it looks like."""
    kind, path = row
    for value in others(default):
        content = nested(parse_path(path), value)

        leave_out_defaults(content, kind)

        assert content == nested(parse_path(path), value)


@pytest.mark.parametrize(
    "content", [{"spec": None}, {"spec": "x"}, {"spec": {"template": [], "strategy": 1}}, {}]
)
def test_content_of_another_shape_is_left_alone(content: dict[str, Any]) -> None:
    """Where no map or list stands, nothing is left out, and nothing fails."""
    before = repr(content)

    leave_out_defaults(content, ("apps", "Deployment"))

    assert repr(content) == before
