"""Promises of comparing JSON values."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reverser.intake.decide import decide
from reverser.manifest import editor
from reverser.manifest.describe import describe
from reverser.manifest.equality import same
from reverser.manifest.scalars import sent
from reverser.model.resource import ResourceType
from reverser.model.rule import SanitizeRule
from tests.changes import change, recorded, route

VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-2, 2),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=2),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
)
ALIKE = [(1, True), (0, False), (1, 1.0), (True, 1.0), (0.0, -0.0), (0, ""), (None, False), ([], {})]
WIDGETS = ResourceType("example.com", "v1", "widgets", "Widget", True)


@given(VALUES, VALUES)
def test_equal_is_what_is_written_alike(one: Any, other: Any) -> None:
    """Two values are the same exactly when their JSON, with sorted keys, is the same text."""
    written = [msgspec.json.encode(value, order="deterministic") for value in (one, other)]

    assert same(one, other) is (written[0] == written[1])
    assert same(one, msgspec.json.decode(msgspec.json.encode(one)))


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_types_count(one: Any, other: Any) -> None:
    """What Python takes for equal and JSON does not is a difference, wherever it stands."""
    assert not same(one, other)
    assert not same({"a": [{"b": one}]}, {"a": [{"b": other}]})


def test_depth_does_not_matter() -> None:
    """Nesting deeper than Python's stack is compared like any other."""
    left: Any = 1
    right: Any = 1
    last: Any = 2
    for _ in range(50_000):
        left, right, last = [left], [right], [last]

    assert same(left, right)
    assert not same(left, last)


def widget(enabled: Any, size: int = 1) -> dict[str, Any]:
    metadata = {"name": "w", "namespace": "shop"}
    spec = {"enabled": enabled, "size": size}
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": metadata, "spec": spec}


@pytest.mark.parametrize(("one", "other"), ALIKE[:4])
def test_a_change_of_type_is_written_into_a_persons_file(one: Any, other: Any) -> None:
    """`enabled: true` that becomes `1` reaches the file, in both directions; only `1.0` says `1` already."""
    for before, after in ((one, other), (other, one)):
        existing = yaml.safe_dump(widget(before)).encode()

        edited = editor.edit(existing, 0, widget(after))

        assert same(sent(yaml.safe_load(edited)), sent(widget(after)))
        assert (edited == existing) is ([type(before), type(after)] == [float, int])


@pytest.mark.parametrize(("one", "other"), ALIKE[:4])
def test_a_change_of_type_is_an_entry_that_names_it(one: Any, other: Any) -> None:
    """Where a rule names fields that do not matter, a change of another field's type does still matter."""
    made = route(sanitize=(SanitizeRule(insignificant=("spec.size",), resources=("widgets.example.com",)),))

    decision = decide(made, change(widget(other), type=WIDGETS), recorded(made, widget(one), type=WIDGETS))

    assert decision.result == "written"
    assert decision.entry is not None
    assert decision.entry.changes == describe(widget(one), widget(other))
    assert len(decision.entry.changes) == 1
