"""The API's label selectors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverser.custom_resources.api_types import LabelSelector, LabelSelectorRequirement
from reverser.custom_resources.label_selector import matches, read, spelt
from reverser.select.labels import parse

KEYS = st.sampled_from(["a", "b", "app.kubernetes.io/name", "in", "notin"])
VALUES = st.sampled_from(["", "x", "y", "1", "in", "x-y.z_0"])
LABELS = st.dictionaries(KEYS, VALUES)
SETS = st.lists(VALUES, min_size=1, max_size=3).map(tuple)
REQUIREMENTS = st.one_of(
    st.builds(LabelSelectorRequirement, KEYS, st.sampled_from(["In", "NotIn"]), SETS),
    st.builds(LabelSelectorRequirement, KEYS, st.sampled_from(["Exists", "DoesNotExist"])),
)
SELECTORS = st.builds(LabelSelector, LABELS, st.lists(REQUIREMENTS, max_size=3).map(tuple))
ANYTHING = st.builds(
    LabelSelector,
    st.dictionaries(st.text(max_size=5), st.text(max_size=5)),
    st.lists(
        st.builds(LabelSelectorRequirement, st.text(max_size=5), st.text(max_size=8), st.just(())), max_size=2
    ).map(tuple),
)


def plainly(selector: LabelSelector, labels: dict[str, str]) -> bool:
    """The API's rules, read one by one."""
    for key, value in selector.match_labels.items():
        if labels.get(key) != value:
            return False
    for each in selector.match_expressions:
        there = each.key in labels
        holds = {
            "In": there and labels[each.key] in each.values if there else False,
            "NotIn": not there or labels[each.key] not in each.values,
            "Exists": there,
            "DoesNotExist": not there,
        }
        if not holds[each.operator]:
            return False
    return True


@given(SELECTORS, LABELS)
def test_a_selector_means_what_the_api_says(selector: LabelSelector, labels: dict[str, str]) -> None:
    """Matched directly, and in kubectl's syntax as rules carry it, a selector agrees with the API's rules."""
    expected = plainly(selector, labels)

    assert matches(selector, labels) is expected
    assert parse(spelt(selector)).matches(labels) is expected


@given(ANYTHING)
def test_what_can_be_read_can_be_spelt(selector: LabelSelector) -> None:
    """Whatever somebody writes is either refused with a sentence or read alike by both ways."""
    try:
        direct = read(selector)
    except ValueError:
        with pytest.raises(ValueError, match=r"\w"):
            spelt(selector)
    else:
        assert set(parse(spelt(selector)).requirements) == set(direct.requirements)


def test_without_a_selector_everything_is_selected() -> None:
    """No selector, and an empty one, are an empty text."""
    assert spelt(None) == spelt(LabelSelector()) == ""


@pytest.mark.parametrize(
    ("selector", "sentence"),
    [
        (LabelSelector({"a b": "c"}), '"a b" is not the key of a label'),
        (LabelSelector({"Example.com/a": "c"}), "is not the key"),
        (LabelSelector({f"{'x' * 254}/a": "c"}), "is not the key"),
        (LabelSelector({"a": "c,d=e"}), '"c,d=e" is not the value of a label'),
        (LabelSelector({"a": "x" * 64}), "is not the value"),
        (LabelSelector({}, (LabelSelectorRequirement("a", "Like", ("b",)),)), '"Like" is not an operator'),
        (LabelSelector({}, (LabelSelectorRequirement("a", "In"),)), 'In of "a" needs values'),
        (LabelSelector({}, (LabelSelectorRequirement("a", "NotIn"),)), 'NotIn of "a" needs values'),
        (LabelSelector({}, (LabelSelectorRequirement("a", "Exists", ("b",)),)), "takes no values"),
        (LabelSelector({f"k{i}": "v" for i in range(201)}), "has 201 requirements; 200 is the most"),
        (LabelSelector({}, (LabelSelectorRequirement("a", "Exists"),) * 201), "has 201 requirements"),
        (LabelSelector({}, (LabelSelectorRequirement("a", "In", ("b",) * 2001),)), "2,000 is the most"),
        (
            LabelSelector({}, (LabelSelectorRequirement("a", "In", ("b" * 60,) * 2000),)),
            "100,000 is the most",
        ),
    ],
)
def test_a_selector_that_the_api_refuses_is_refused(selector: LabelSelector, sentence: str) -> None:
    """An invalid selector is a sentence, and never selects."""
    with pytest.raises(ValueError, match=sentence.replace("(", r"\(")):
        read(selector)
