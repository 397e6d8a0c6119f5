"""Promises of changing the bytes of one document: JSON stays JSON, line ends are those of the neighbours."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from reverser.manifest.byte_edits import patched
from reverser.manifest.nodes import compose

HEAD = "apiVersion: example.com/v1\nkind: Widget\nmetadata:\n  name: web\n"
WIDGET = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "web"}}


def data(text: str) -> Any:
    root = compose(text)
    assert root is not None
    return root.data


def edited(text: str, change: Callable[[Any], object]) -> str:
    """The text with what `change` does to it; it is checked that it says so."""
    wanted = copy.deepcopy(data(text))
    change(wanted)
    made = patched(text, wanted)
    assert data(made) == wanted
    return made


@pytest.mark.parametrize("layout", [None, 2, 4, "\t"])
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"x": {}}, {"x": {"k": "v"}}),
        ({"x": None}, {"x": {"k": ["v", {"a": "b"}]}}),
        ({"x": []}, {"x": ["q"]}),
        ({"x": 1}, {"x": "q"}),
        ({"x": True}, {"x": "Always"}),
        ({"x": [1, 2]}, {"x": [1, 2, "b"]}),
        ({"x": [1, 2]}, {"x": ["b", 1, 2]}),
        ({"x": [1, 2]}, {"x": ["a", "b"]}),
        ({"x": [[], {}]}, {"x": [["a"], {"b": "c"}]}),
        ({"x": ["a"]}, {"x": {"a": None}}),
        ({"x": {"a": 1}}, {"x": {"b": "c"}}),
        ({"x": {"a": 1, "b": 2}}, {"x": {"b": 2}}),
        ({"x": "a"}, {"x": 'q"\\\x07\x7f\x85\u2028\U0001f600\ttwo\nlines\n'}),
        ({"x": 0}, {"x": 1e20}),
        ({}, {"y": "on", "z": {}}),
    ],
)
def test_json_stays_json(before: Any, after: Any, layout: int | str | None) -> None:
    """Whatever is put into a JSON file, JSON readers read it, and read what was asked for."""
    separators = (",", ":") if layout is None else None
    text = json.dumps(WIDGET | {"spec": {"n": 1} | before}, indent=layout, separators=separators)
    wanted = WIDGET | {"spec": {"n": 1} | after}

    assert json.loads(patched(text, wanted)) == wanted
    assert json.loads(patched(text + "\n", wanted)) == wanted


def test_words_between_brackets_are_as_all_around_them() -> None:
    """A list of numbers, or an empty one, takes the quotes of the brackets that it stands in."""
    assert "[1, b]" in edited(HEAD + "spec: {l: [1]}\n", lambda it: it["spec"]["l"].append("b"))
    assert '[1, "b"]' in edited(HEAD + 'spec: {"l": [1]}\n', lambda it: it["spec"]["l"].append("b"))
    assert "l: [q]" in edited(HEAD + "spec: {l: []}\n", lambda it: it["spec"]["l"].append("q"))
    assert '"l": ["q"]' in edited(HEAD + 'spec: {"l": []}\n', lambda it: it["spec"]["l"].append("q"))


@pytest.mark.parametrize(
    ("last", "value"),
    [
        ("a: b", "d\ne\n"),
        ("a: b", "d\ne"),
        ("a: |\n  x", "x\n"),
        ("a: |\n  x", "x"),
        ("a: |\n  x", "y\nz\n"),
        ("a: |\n  x", "y\nz"),
        ("a: |+\n  x", "x\n\n"),
        ("a: |-\n  x", "x\n"),
        ("a: >\n  x\n  y", "x y\n"),
        ("a: >\n  x\n  y", "q"),
        ("l:\n- |\n  x", None),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("other", [1, 2])
def test_a_text_without_a_last_line_end(last: str, value: str | None, newline: str, other: int) -> None:
    """What stands last says what it should, also where only a line end makes the difference."""
    text = (HEAD + f"other: 1\n{last}").replace("\n", newline)

    def change(it: Any) -> None:
        it["other"] = other
        if value is not None:
            it["a"] = value

    made = edited(text, change)
    if other == 1 and data(text).get("a") == value:
        assert made == text
    added = edited(text, lambda it: it.update(zz="more"))
    assert ("\r" in added) is (newline == "\r\n")


def test_a_block_at_the_end_stays_while_another_value_changes() -> None:
    """A block of lines without a line end behind it is not written anew."""
    text = HEAD + 'data:\n  z: "1"\n  a: |\n    x'

    assert edited(text, lambda it: it["data"].update(z="2")) == text.replace('"1"', '"2"')


@pytest.mark.parametrize("rest", ["", " ", "  \t", " # why"])
@pytest.mark.parametrize("after", ["  n: 1\n", "", "  l:\n  - \n"])
def test_lines_in_the_place_of_nothing(rest: str, after: str) -> None:
    """A key without a value gets a text of several lines, whatever stands behind it."""
    text = HEAD + f"spec:\n  a:{rest}\n{after}"

    made = edited(text, lambda it: it["spec"].update(a="x\ny\n"))

    assert ("# why" in made) is ("# why" in text)
    assert edited(text.removesuffix("\n"), lambda it: it["spec"].update(a=" x\n"))
    assert made.endswith(after)


def test_line_ends_are_those_of_the_neighbours() -> None:
    """One line that ends otherwise decides about nothing but itself."""
    odd = HEAD.replace("v1\n", "v1\r\n") + "spec:\n  a: |\n    x\n  l: {\n    q: 1 }\n"

    def change(it: Any) -> None:
        it["spec"]["a"] = "x\ny\n"
        it["spec"]["b"] = {"c": ["d"]}
        it["spec"]["l"]["n"] = {"m": 1}

    assert edited(odd, change).count("\r") == 1
    crlf = odd.replace("\r\n", "\n").replace("\n", "\r\n")
    made = edited(crlf, change)
    assert made.count("\r") == made.count("\n")


def test_a_first_entry_goes_with_its_comment() -> None:
    """Neither a line with a comment alone nor a blank at the end of one is left."""
    flow = HEAD + "spec:\n  l: [\n    {name: a}, # one\n    {name: b}, # two\n    {name: c} # three\n  ]\n"
    item = HEAD + "l:\n- name: a # aa\n  v: 1\n- name: b\n  # about v\n  v: 2\n"

    def unnamed(it: Any) -> None:
        for each in it["l"]:
            del each["name"]

    assert edited(flow, lambda it: it["spec"]["l"].pop(0)) == flow.replace("    {name: a}, # one\n", "")
    assert edited(item, unnamed) == HEAD + "l:\n- v: 1\n-\n  # about v\n  v: 2\n"
    crlf = edited(item.replace("\n", "\r\n"), unnamed)
    assert crlf == (HEAD + "l:\n- v: 1\n-\n  # about v\n  v: 2\n").replace("\n", "\r\n")
