"""Which rule may use which GitRepoConfig."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverser.custom_resources.access import decide
from tests.cluster_states import cluster_rule, config, watch_rule

PCI = {"matchLabels": {"compliance": "pci"}}
POLICIES: dict[str, dict[str, Any]] = {
    "none": {},
    "empty": {"accessPolicy": {}},
    "same": {"accessPolicy": {"namespacedRules": {}}},
    "all": {"accessPolicy": {"namespacedRules": {"mode": "AllNamespaces"}}},
    "selector": {"accessPolicy": {"namespacedRules": {"mode": "FromSelector", "namespaceSelector": PCI}}},
    "no selector": {"accessPolicy": {"namespacedRules": {"mode": "FromSelector"}}},
    "unreadable": {
        "accessPolicy": {
            "namespacedRules": {"mode": "FromSelector", "namespaceSelector": {"matchLabels": {"!": "x"}}}
        }
    },
    "cluster": {"accessPolicy": {"allowClusterRules": True}},
}
OWN, OTHER = watch_rule("shop"), watch_rule("other", to="shop/repo")


@pytest.mark.parametrize(
    ("policy", "own", "own_matching", "other", "other_matching", "cluster"),
    [
        ("none", True, True, False, False, False),
        ("empty", True, True, False, False, False),
        ("same", True, True, False, False, False),
        ("all", True, True, True, True, False),
        ("selector", False, True, False, True, False),
        ("no selector", False, False, False, False, False),
        ("unreadable", False, False, False, False, False),
        ("cluster", True, True, False, False, True),
    ],
)
def test_who_may_use_a_config(
    policy: str, own: bool, own_matching: bool, other: bool, other_matching: bool, cluster: bool
) -> None:
    """The table of access policies holds, with and without the labels, and for cluster rules."""
    target = config(**POLICIES[policy])
    labels = {"compliance": "pci"}

    assert decide(OWN, target, {}).allowed is own
    assert decide(OWN, target, labels).allowed is own_matching
    assert decide(OTHER, target, {}).allowed is other
    assert decide(OTHER, target, labels).allowed is other_matching
    assert decide(cluster_rule(), target, None).allowed is cluster


@pytest.mark.parametrize("policy", ["none", "same", "selector", "unreadable", "cluster"])
def test_another_namespace_cannot_find_out_which_configs_there_are(policy: str) -> None:
    """A config that refuses a rule of another namespace and one that does not exist get one answer."""
    for labels in ({}, None):
        assert decide(OTHER, config(**POLICIES[policy]), labels) == decide(OTHER, None, labels)


@given(st.sampled_from(sorted(POLICIES)))
def test_a_namespace_whose_labels_nobody_has_read_is_not_selected(policy: str) -> None:
    """Unknown labels never fulfil a selector, not even one that asks for the absence of a label."""
    absent = {"matchExpressions": [{"key": "x", "operator": "DoesNotExist"}]}
    target = config(accessPolicy={"namespacedRules": {"mode": "FromSelector", "namespaceSelector": absent}})

    answers = [decide(each, target, None) for each in (OWN, OTHER)]

    assert not any(answer.allowed for answer in answers)
    assert all(answer.waiting for answer in answers)
    assert decide(OTHER, config(**POLICIES[policy]), None).allowed is (policy == "all")


def test_a_refusal_names_the_policy_and_who_may_change_it() -> None:
    """The sentences say which field of which object refuses, and whom to ask."""
    selector = config(**POLICIES["selector"])

    own, other = decide(OWN, selector, {}), decide(OTHER, selector, {})
    cluster = decide(cluster_rule(), config(), None)

    assert "spec.accessPolicy.namespacedRules.namespaceSelector of GitRepoConfig shop/repo" in own.message
    assert "spec.accessPolicy.namespacedRules" in other.message
    assert "namespace shop" in other.message
    assert "spec.accessPolicy.allowClusterRules of GitRepoConfig shop/repo is not true" in cluster.message
    assert all("whoever may edit GitRepoConfigs" in each.message for each in (own, other, cluster))


@pytest.mark.parametrize(("to", "elsewhere"), [*itertools.product(["repo", "system/repo"], [(), ("shop",)])])
def test_a_cluster_rule_learns_where_a_config_of_the_name_is(to: str, elsewhere: tuple[str, ...]) -> None:
    """A ClusterWatchRule whose config is not there is pointed to namespaces that have one of the name."""
    answer = decide(cluster_rule(to=to), None, None, elsewhere)

    assert answer.reason == "GitRepoConfigNotFound"
    assert "spec.gitRepoConfigRef.namespace" in answer.message
    assert ("namespace shop has one" in answer.message) is bool(elsewhere)


def test_a_missing_config_of_the_own_namespace_is_not_found() -> None:
    """The owner of a namespace is told that the GitRepoConfig does not exist."""
    answer = decide(OWN, None, {})

    assert answer.reason == "GitRepoConfigNotFound"
    assert "there is no GitRepoConfig repo in namespace shop" in answer.message
