"""What a plugin's sanitizer may do: take away and mask, and nothing else."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverser import MASK
from reverser.plugins.guard import ExcessError, keep_only, unchanged

CONTENT: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "web", "namespace": "shop", "labels": {"a": "b"}},
    "data": {"k": "v", "n": 1},
    "list": [{"name": "one", "value": "x"}, {"name": "two", "value": "y"}, {"name": "three"}],
}


def fault(before: dict[str, Any], after: Any) -> str:
    """What is wrong with the answer; "" when it is taken, and then nothing else than it."""
    try:
        assert keep_only(before, after) == after
    except ExcessError as error:
        return str(error)
    return ""


def changed(**fields: Any) -> dict[str, Any]:
    """The content with other fields."""
    return {**CONTENT, **fields}


@pytest.mark.parametrize(
    "after",
    [
        CONTENT,
        {name: CONTENT[name] for name in ("apiVersion", "kind", "metadata")},
        changed(data={"k": MASK}),
        changed(data={}),
        changed(metadata={"name": "web", "namespace": "shop"}),
        changed(list=[{"name": "two"}, {"name": "three"}]),
        changed(list=[{"name": "one", "value": MASK}]),
        changed(list=[]),
    ],
)
def test_less_is_taken(after: dict[str, Any]) -> None:
    """Fields and items may go, and texts be masked."""
    assert fault(CONTENT, after) == ""


@pytest.mark.parametrize(
    ("after", "place"),
    [
        (None, "content"),
        ([], "content"),
        (changed(kind="Secret"), "apiVersion, kind or metadata"),
        (changed(metadata={"name": "other", "namespace": "shop"}), "name or namespace"),
        (changed(metadata={"name": "web"}), "name or namespace"),
        (changed(metadata="web"), "apiVersion, kind or metadata"),
        (changed(data={"k": "w"}), "data.k"),
        (changed(data={"k": "v", "new": "x"}), "data.new"),
        (changed(data={"n": MASK}), "data.n"),
        (changed(data={"n": 1.0}), "data.n"),
        (changed(data={"n": True}), "data.n"),
        (changed(list=[{"name": "two"}, {"name": "one"}]), "list[1]"),
        (changed(list=[{"name": "one"}, {"name": "one"}]), "list[1]"),
        (changed(data=["k"]), "data"),
        (changed(more=1), "more"),
    ],
)
def test_more_and_other_is_refused(after: Any, place: str) -> None:
    """Whatever was not there before is named by its place, never by its value."""
    assert place in fault(CONTENT, after)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["a", "b", MASK]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=12,
)


def _leaves(value: Any, path: str = "") -> set[str]:
    if isinstance(value, dict):
        return {leaf for name, each in value.items() for leaf in _leaves(each, f"{path}.{name}")}
    if isinstance(value, list):
        return {leaf for each in value for leaf in _leaves(each, f"{path}[]")}
    return {f"{path}={value!r}"}


@given(JSON, JSON)
def test_nothing_new_ever_passes(before: Any, after: Any) -> None:
    """Every leaf of what passes was there, at a like place, or is the mask."""
    old, new = changed(data=before), changed(data=after)

    if fault(old, new) == "":
        assert all(leaf in _leaves(old) or leaf.endswith(f"={MASK!r}") for leaf in _leaves(new))


def test_what_nobody_touched_is_known_at_once() -> None:
    """The same content is unchanged; less, more, and what is no JSON at all are for who looks closer."""
    endless: dict[str, Any] = changed()
    endless["data"] = endless
    written = msgspec.json.encode(CONTENT)

    assert unchanged(written, changed())
    for other in (changed(data={"k": "v"}), changed(more=1), changed(data=object()), endless, None):
        assert not unchanged(written, other)
