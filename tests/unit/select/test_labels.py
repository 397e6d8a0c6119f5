"""Label selectors in kubectl's syntax."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverser.select.labels import parse

KEYS = st.sampled_from(["a", "b", "app.kubernetes.io/name", "in", "notin"])
VALUES = st.sampled_from(["", "x", "y", "1", "20", "in", "x-y.z_0"])
LABELS = st.dictionaries(KEYS, VALUES)
SPACE = st.sampled_from(["", " ", "\t "])


def holds(operator: str, value: str | None, wanted: list[str]) -> bool:
    """The naive reading of one requirement."""
    if operator == "exists":
        return value is not None
    if operator == "!":
        return value is None
    if operator in ("=", "==", "in"):
        return value is not None and value in wanted
    return value is None or value not in wanted


def spell(operator: str, key: str, wanted: list[str], space: str) -> str:
    if operator == "exists":
        return key
    if operator == "!":
        return f"!{space}{key}"
    if operator in ("in", "notin"):
        values = f"{space},{space}".join(wanted)
        return f"{key} {operator} {space}({values}{space})"
    return f"{key}{space}{operator}{space}{wanted[0]}"


REQUIREMENTS = st.tuples(
    st.sampled_from(["exists", "!", "=", "==", "!=", "in", "notin"]),
    KEYS,
    st.lists(VALUES, min_size=1, max_size=3).filter(lambda values: values != [""]),
)


@given(st.lists(REQUIREMENTS, max_size=4), LABELS, SPACE)
def test_a_selector_means_what_each_of_its_parts_means(
    parts: list[tuple[str, str, list[str]]], labels: dict[str, str], space: str
) -> None:
    """An object is selected when every requirement, read one by one, holds for it."""
    wanted = [(op, key, values[:1] if op in ("=", "==", "!=") else values) for op, key, values in parts]
    text = f"{space},{space}".join(spell(op, key, values, space) for op, key, values in wanted)

    expected = all(holds(op, labels.get(key), values) for op, key, values in wanted)

    assert parse(text).matches(labels) is expected


@pytest.mark.parametrize(
    ("value", "selected"), [("4", True), ("3", False), ("x", False), ("", False), (None, False)]
)
def test_greater_compares_numbers(value: str | None, selected: bool) -> None:
    """`>` holds for whole numbers above the bound only."""
    labels = {} if value is None else {"n": value}

    assert parse("n > 3").matches(labels) is selected
    assert parse("n<10,n>3").matches(labels) is selected


@pytest.mark.parametrize(
    ("text", "at", "word"),
    [
        ("a=b,", 5, "requirement"),
        (",a", 1, "label key"),
        ("a b", 3, "="),
        ("a in x", 6, "`(`"),
        ("a in (x", 8, "`)`"),
        ("a in ()", 7, "value"),
        ("a>x", 3, "whole number"),
        ("a=b=c", 4, "`,`"),
        ("!a=b", 3, "`,`"),
        ("-a", 1, "label key"),
        ("a=b/c", 3, "label value"),
        ("a=" + "x" * 64, 3, "label value"),
        ("(", 1, "label key"),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, at: int, word: str) -> None:
    """What cannot be read is refused with what was expected and at which character."""
    with pytest.raises(ValueError) as caught:
        parse(text)

    assert str(caught.value).startswith(f"character {at}: expected")
    assert word in str(caught.value)
