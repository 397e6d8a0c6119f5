"""Cut from the text or walked through: what is left is the same."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverser.attribution.object_digest import without_empty

AWKWARD = st.text(alphabet='a1._/-":,{}[]\\nulé@ \n', max_size=12)
LOOKALIKES = st.sampled_from(['":null', '":[]', ',"a":null', '{"a":[],', '\\":null', '{"a":null}', ',"'])
TEXTS = AWKWARD | LOOKALIKES | st.builds(str.__add__, AWKWARD, LOOKALIKES)
NAMES = st.sampled_from(["a", "b", "rules", "creationTimestamp"]) | TEXTS
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
)


def encoded(value: Any) -> bytes:
    return msgspec.json.encode(value, order="deterministic")


def kept(content: Any) -> Any:
    """What is meant, by way of another decoder."""

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        return {key: item for key, item in pairs if item is not None and item != []}

    return json.loads(encoded(content), object_pairs_hook=members)


@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_no_member_is_empty_and_nothing_else_is_gone(content: dict[str, Any]) -> None:
    """Whatever names and texts look like."""
    assert without_empty(content) == encoded(kept(content))


@pytest.mark.parametrize(
    "content",
    [
        {"a": None},
        {"a": None, "b": None},
        {"a": [], "b": 1, "c": []},
        {"a": {"b": {"c": None}}},
        {"a": [None, [], {"b": []}]},
        {"": None},
        {"@b": None, "a": None},
        {"a\\": None},
        {'a"': [], 'b\\"': None},
        {"x": 'a,"k":null', "y": '{"k":[],'},
        {"x,": 1, ":null": 2, "y{": 3, ":[]": 4},
        {"last-applied": '{"spec":{"creationTimestamp":null,"rules":[]}}', "spec": {"rules": []}},
        {"twice": '{"a":"{\\"b\\":null}"}'},
    ],
    ids=repr,
)
def test_forms_that_are_hard_to_tell_apart(content: dict[str, Any]) -> None:
    """Empty members first, last, alone, with odd names; and text that only looks like them."""
    assert without_empty(content) == encoded(kept(content))
