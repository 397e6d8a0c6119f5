"""Field paths: how they are read, and what their absence leaves."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from reverser.sanitize.field_path import parse_path, without


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("spec", ("spec",)),
        ("spec.observed", ("spec", "observed")),
        ("metadata.annotations['example.com/seen']", ("metadata", "annotations", "example.com/seen")),
        ('metadata.annotations["it\'s"]', ("metadata", "annotations", "it's")),
        ("spec.containers[*].image", ("spec", "containers", "*", "image")),
        ("spec.by[*]['a.b'].c", ("spec", "by", "*", "a.b", "c")),
        ("['x.y'].z", ("x.y", "z")),
    ],
)
def test_a_path_is_read(text: str, steps: tuple[str, ...]) -> None:
    """Names, quoted keys and [*] become steps."""
    assert parse_path(text) == steps


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is empty"),
        (".", "cannot be read"),
        (".spec", "cannot be read"),
        ("spec.", "cannot be read"),
        ("spec..a", "cannot be read"),
        ("spec a", "cannot be read"),
        ("spec['a'", "cannot be read"),
        ("spec['a']b", "cannot be read"),
        ("metadata.annotations.example.com/seen", "cannot be read from '/seen' on"),
        ("spec.containers[0].image", "cannot be addressed by number"),
        ("spec.containers[*]", "must end with the name of a field"),
        ("[*].spec", "must begin with the name of a field"),
        ("spec['*']", "called \\*"),
        ("metadata", "names the object"),
        ("metadata.name", "names the object"),
        ("kind", "names the object"),
    ],
)
def test_what_is_no_path_is_told(text: str, complaint: str) -> None:
    """Each mistake has a sentence that says what would be right."""
    with pytest.raises(ValueError, match=complaint):
        parse_path(text)


@pytest.mark.parametrize(
    ("path", "rest"),
    [
        (("a",), {"l": [{"x": 1, "y": 2}, 3], "s": "text"}),
        (("a", "b"), {"a": {}, "l": [{"x": 1, "y": 2}, 3], "s": "text"}),
        (("l", "*", "x"), {"a": {"b": 1}, "l": [{"y": 2}, 3], "s": "text"}),
        (("a", "*", "x"), {"a": {"b": 1}, "l": [{"x": 1, "y": 2}, 3], "s": "text"}),
        (("s", "*", "x"), {"a": {"b": 1}, "l": [{"x": 1, "y": 2}, 3], "s": "text"}),
        (("missing", "b"), {"a": {"b": 1}, "l": [{"x": 1, "y": 2}, 3], "s": "text"}),
    ],
)
def test_a_path_is_left_out_without_touching_the_original(path: tuple[str, ...], rest: Any) -> None:
    """What the path addresses is gone from the result and still in the original."""
    value = {"a": {"b": 1}, "l": [{"x": 1, "y": 2}, 3], "s": "text"}
    before = copy.deepcopy(value)

    assert without(value, [path]) == rest
    assert value == before
