"""Whatever a person's file looks like, an edit says what it should, and touches nothing else."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from reverser.errors import WithheldError
from reverser.manifest import editor, quantity
from reverser.manifest.byte_edits import patched
from reverser.manifest.diff import same
from reverser.manifest.nodes import UnreadableError, compose
from reverser.manifest.scalars import sent
from tests.property.hostile import HOSTILE

NAMES = st.sampled_from(["web", "db", "cache", "a-b", "x.y", "yes", "1", "null"])
LEAVES = st.one_of(
    st.sampled_from([*HOSTILE, "plain", "two words"]), st.integers(-5, 5), st.booleans(), st.none()
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=8,
)
NAMED = st.lists(NAMES, unique=True, max_size=4).flatmap(
    lambda names: st.tuples(*(st.fixed_dictionaries({"name": st.just(n), "v": VALUES}) for n in names)).map(
        list
    )
)
SPECS = st.fixed_dictionaries(
    {"items": NAMED, "map": st.dictionaries(NAMES, VALUES, max_size=4), "one": VALUES}
)


def _document(spec: Any) -> dict[str, Any]:
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}, "spec": spec}


def _as_a_person_writes(document: Any, indent: int, *, flow: bool) -> str:
    text: str = yaml.safe_dump(document, indent=indent, sort_keys=False, default_flow_style=flow or None)
    return f"# ours, ask Ann\n{text}"


@given(SPECS, SPECS, st.sampled_from([2, 4]), st.booleans())
@settings(max_examples=150, deadline=None)
def test_an_edit_says_what_it_should(before: Any, after: Any, indent: int, flow: bool) -> None:
    """The edited file reads as what was asked for, by YAML 1.1 and 1.2; or it is withheld."""
    wanted = _document(after)
    try:
        edited = editor.edit(_as_a_person_writes(_document(before), indent, flow=flow).encode(), 0, wanted)
    except WithheldError:
        return

    assert editor.parse(edited) == wanted
    assert edited.startswith(b"# ours, ask Ann\n")


@given(SPECS, st.sampled_from([2, 4]))
@settings(max_examples=100, deadline=None)
def test_an_edit_that_changes_nothing_keeps_every_byte(spec: Any, indent: int) -> None:
    """A file that says it already stays as it is."""
    text = _as_a_person_writes(_document(spec), indent, flow=False).encode()
    try:
        said = editor.parse(text)
    except WithheldError:
        return

    assert editor.edit(text, 0, said) == text


@given(st.lists(NAMES, unique=True, min_size=1, max_size=5), st.integers(0, 4))
def test_comments_beside_other_values_stay(names: list[str], place: int) -> None:
    """Changing one value leaves every other line as it is."""
    place %= len(names)
    lines = [f'  "{name}": {10 + number}   # why {number}' for number, name in enumerate(names)]
    text = "\n".join(["apiVersion: example.com/v1", "kind: Widget", "spec:", *lines, ""])
    wanted = yaml.safe_load(text)
    wanted["spec"][names[place]] = 99

    edited = editor.edit(text.encode(), 0, wanted).decode().splitlines()

    changed = [pair for pair in zip(text.splitlines(), edited, strict=True) if pair[0] != pair[1]]
    assert changed == [(lines[place], lines[place].replace(f": {10 + place}", ": 99", 1))]


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1024Mi", 2**30),
        ("1Gi", 2**30),
        ("0.5", Fraction(1, 2)),
        ("500m", Fraction(1, 2)),
        (".5", Fraction(1, 2)),
        ("1e3", 1000),
        ("1k", 1000),
        ("1E", 10**18),
        ("1Ei", 2**60),
        ("-1m", Fraction(-1, 1000)),
        (2, 2),
        (0.1, Fraction(1, 10)),
        ("12E2", 1200),
    ],
)
def test_quantities(text: Any, amount: Any) -> None:
    """A quantity amounts to what Kubernetes reads."""
    assert quantity.parse(text) == amount


@pytest.mark.parametrize("text", ["", "1K", "1ki", "Mi", "1 Gi", "1GiB", "x", True, None, [], "٣", "1e999"])
def test_what_is_no_quantity(text: Any) -> None:
    """Text that Kubernetes does not read as a quantity is none here either."""
    assert quantity.parse(text) is None


def _pod(cpu: Any, memory: Any, note: str = "1000m") -> dict[str, Any]:
    container = {"name": "a", "image": "a", "resources": {"limits": {"cpu": cpu, "memory": memory}}}
    metadata = {"name": "p", "annotations": {"note": note, "limits": "1"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}


def test_an_equal_quantity_keeps_its_spelling() -> None:
    """What the API server only spells otherwise is no difference, and a text that looks alike is one."""
    text = yaml.safe_dump(_pod(0.5, "1024Mi")).encode()

    assert editor.edit(text, 0, _pod("500m", "1Gi")) == text
    changed = editor.parse(editor.edit(text, 0, _pod("500m", "2Gi", note="1")))
    assert changed == _pod(0.5, "2Gi", note="1")


def test_quantities_of_custom_resources_are_texts() -> None:
    """Where the API server keeps what was written, another spelling is a change."""
    before = {"apiVersion": "example.com/v1", "kind": "Widget", "spec": {"limits": {"cpu": "1000m"}}}
    after = {"apiVersion": "example.com/v1", "kind": "Widget", "spec": {"limits": {"cpu": "1"}}}

    assert editor.parse(editor.edit(yaml.safe_dump(before).encode(), 0, after)) == after


COMMENTS = st.sampled_from(["", "  # why", " # a: b", "   "])


def _as_people_write(document: Any, draw: Any) -> str:
    """Block and flow style, comments, blank lines and quotes, as they come."""
    lines = yaml.safe_dump(
        document, sort_keys=False, indent=draw(st.sampled_from([2, 4])), width=40
    ).splitlines()
    if draw(st.booleans()):
        top = {key: yaml.safe_dump(value, default_flow_style=True) for key, value in document.items()}
        lines = [
            f"{key}: {value.removesuffix(chr(10)).removesuffix('...').strip()}" for key, value in top.items()
        ]
    out = []
    for line in lines:
        plain = not set(line) & set("'\"|>\\#") and line.rstrip().endswith(
            (":", "]", "}", *"abcdefgh0123456789")
        )
        out.append(line + (draw(COMMENTS) if plain else ""))
        if plain and draw(st.integers(0, 5)) == 0:
            out.append(draw(st.sampled_from(["", "# between", "      # far"])))
    newline = draw(st.sampled_from(["\n", "\n", "\r\n"]))
    return newline.join(out) + draw(st.sampled_from(["", newline, f"{newline}# end{newline}"]))


@given(st.data(), SPECS, SPECS)
@settings(max_examples=80, deadline=None)
def test_an_edit_of_any_file_says_what_it_should(data: Any, before: Any, after: Any) -> None:
    """Whatever the style, the edited document reads as what was asked for; or it is withheld."""
    text = _as_people_write(_document(before), data.draw)
    wanted = _document(after)
    try:
        edited = patched(text, wanted)
    except WithheldError:
        return

    made = compose(edited)
    assert made is not None
    assert same(sent(made.data), sent(wanted))
    assert ("\r" in edited) is ("\r\n" in text)


@given(SPECS, SPECS, st.sampled_from([None, 2, "\t"]), st.sampled_from(["", "\n"]))
@settings(max_examples=80, deadline=None)
def test_json_stays_json(before: Any, after: Any, layout: Any, end: str) -> None:
    """After every edit JSON readers read a JSON file, and read what was asked for; or it is withheld."""
    text = json.dumps(_document(before), indent=layout, ensure_ascii=False) + end
    try:
        edited = patched(text, _document(after))
    except WithheldError:
        return

    assert json.loads(edited) == _document(after)


@given(st.data(), SPECS)
@settings(max_examples=50, deadline=None)
def test_one_edit_is_never_withheld_for_its_style(data: Any, before: Any) -> None:
    """One more key in a map is possible in every style, and changes no other line."""
    text = _as_people_write(_document(before), data.draw)
    try:
        root = compose(text)
    except UnreadableError:
        return
    assert root is not None
    wanted = root.data | {"added": {"a": ["b"]}}

    edited = patched(text, wanted)

    assert [line for line in edited.splitlines() if line in text.splitlines()] == text.splitlines()
