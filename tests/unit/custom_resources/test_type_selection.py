"""What elements of rules select among the types that a cluster serves."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverser.custom_resources.api_types import ResourceRule
from reverser.custom_resources.type_selection import TypeIndex, select
from reverser.model.rule import Rule
from reverser.sanitize.excluded_types import excluded_type
from reverser.select.rules import CompiledRule
from tests.cluster_states import TYPES

INDEX = TypeIndex(TYPES, excluded_type)
ENTRIES = [
    "*", "configmaps", "ConfigMaps", "cm", "deployments", "deployments.apps", "myapps", "myapps.example.com",
    "nodes", "events", "leases", "pods/log", "ingress*", "nothing", "*.apps", "pods.",
]  # fmt: skip
GROUPS = ["", "apps", "APPS", "*", "example.com", "v1.apps", "nowhere.io", "a b", "coordination.k8s.io"]
VERSIONS = ["v1", "v1beta1", "v2", "*", "V1", "x"]


def sets(values: list[str]) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), max_size=3).map(tuple)


@given(sets(ENTRIES).filter(bool), sets(GROUPS), sets(VERSIONS), st.booleans())
def test_the_patterns_select_the_types_that_are_named(
    resources: tuple[str, ...], groups: tuple[str, ...], versions: tuple[str, ...], namespaced: bool
) -> None:
    """A rule with these patterns selects exactly the types that the status will show."""
    element = ResourceRule(resources=resources, api_groups=groups, api_versions=versions)
    selection = select(element, INDEX, namespaced=namespaced)

    rule = Rule("r", "d", resources=selection.patterns, cluster_scoped=not namespaced)
    compiled = CompiledRule(rule, excluded_type)
    chosen = {each for each in TYPES if each.namespaced is namespaced and compiled.selects_type(each)}

    assert set(selection.types) == chosen
    assert all(entry == entry.lower() for entry in selection.idle)


@pytest.mark.parametrize(
    ("element", "patterns", "names"),
    [
        (ResourceRule(("ConfigMaps",)), ("configmaps",), ["configmaps"]),
        (
            ResourceRule(("deployments",), (), ("apps",), ("v1",)),
            ("deployments.v1.apps",),
            ["deployments.apps"],
        ),
        (ResourceRule(("deployments",), (), ("apps",), ("v1beta2",)), ("deployments.v1beta2.apps",), []),
        (ResourceRule(("pods",), (), ("",), ("v1",)), ("pods.v1.",), ["pods"]),
        (
            ResourceRule(("myapps.example.com",)),
            ("myapps.example.com",),
            ["myapps.example.com"],
        ),
        (
            ResourceRule(("myapps",), (), (), ("v2",)),
            ("myapps.other.example.com",),
            ["myapps.other.example.com"],
        ),
        (ResourceRule(("myapps.example.com",), (), ("apps",)), (), []),
        (ResourceRule(("events",)), ("events",), ["events"]),
        (ResourceRule(("*",), (), ("coordination.k8s.io",)), ("*.coordination.k8s.io",), []),
    ],
)
def test_groups_versions_and_names_multiply(
    element: ResourceRule, patterns: tuple[str, ...], names: list[str]
) -> None:
    """Elements become patterns that also hold for types that are installed later, where they can."""
    selection = select(element, INDEX, namespaced=True)

    assert selection.patterns == patterns
    assert [each.name for each in selection.types] == names


def test_what_selects_nothing_is_named() -> None:
    """Subresources, globs, unknown types and types of the other scope are named, each once."""
    element = ResourceRule(("pods/log", "pods/*", "ingress*", "nodes", "nothing", "pods", "pods/log"))

    selection = select(element, INDEX, namespaced=True)

    assert selection.idle == ("pods/log", "pods/*", "ingress*", "nodes", "nothing")


def test_many_combinations_stay_small() -> None:
    """A rule of thousands of combinations names the types that are served instead."""
    many = tuple(f"g{number}.example.com" for number in range(900))
    element = ResourceRule(("configmaps", "deployments", "pods"), (), ("apps", *many))

    assert select(element, INDEX, namespaced=True).patterns == ("deployments.apps",)
