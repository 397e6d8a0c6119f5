"""Rules: which types, objects, operations and streams they select."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from reverser.model.change import Operation, Stream
from reverser.model.destination import Destination
from reverser.model.resource import ObjectKey, ResourceType
from reverser.model.rule import Rule, SanitizeRule
from reverser.sanitize.excluded_types import excluded_type
from reverser.select.rules import CompiledRule
from reverser.select.streams import MOST_NAMESPACES, coverage, streams

DEPLOYMENTS = ResourceType("apps", "v1", "deployments", "Deployment", True)
SECRETS = ResourceType("", "v1", "secrets", "Secret", True)
ROLES = ResourceType("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", False)
LEASES = ResourceType("coordination.k8s.io", "v1", "leases", "Lease", True)
LIVE = Destination("live", "file:///live")


def rule(**fields: Any) -> CompiledRule:
    return CompiledRule(Rule("r", "live", **fields), excluded_type)


def key(namespace: str, name: str = "web", cluster: str = "default") -> ObjectKey:
    return ObjectKey(cluster, "apps", "deployments", namespace, name)


def test_a_rule_selects_types_by_name_minus_exclusions() -> None:
    """`exclude_resources` wins over `resources`."""
    selecting = rule(resources=("*.apps", "secrets"), exclude_resources=("secret*", "secrets"))

    assert selecting.selects_type(DEPLOYMENTS)
    assert not selecting.selects_type(SECRETS)
    assert not selecting.selects_type(ROLES)


def test_default_exclusions_yield_to_an_exact_name() -> None:
    """Noisy types are left out, unless a rule names one exactly or switches the defaults off."""
    assert not rule().selects_type(LEASES)
    assert not rule(resources=("*.coordination.k8s.io",)).selects_type(LEASES)
    assert rule(resources=("leases",)).selects_type(LEASES)
    assert rule(default_excludes=False).selects_type(LEASES)


@pytest.mark.parametrize(
    ("namespaces", "cluster_scoped", "selected"),
    [
        (("*",), "auto", True),
        (("shop",), "auto", False),
        (("*", "x"), "auto", False),
        (("shop",), True, True),
        (("*",), False, False),
    ],
)
def test_cluster_scoped_objects_follow_the_setting(
    namespaces: tuple[str, ...], cluster_scoped: Any, selected: bool
) -> None:
    """Objects without namespace are selected when namespaces is left at ["*"], or when asked for."""
    selecting = rule(namespaces=namespaces, cluster_scoped=cluster_scoped, exclude_namespaces=("*",))

    assert selecting.selects_type(ROLES) is selected
    assert selecting.selects(key(""), {}) is selected


def test_namespaces_are_globs_and_exclusions_win() -> None:
    """A namespace is selected when a glob names it and no exclusion does; case counts."""
    selecting = rule(namespaces=("team-?", "kube-public", "shop"))

    assert selecting.selects(key("team-a"), {})
    assert selecting.selects(key("shop"), {})
    assert not selecting.selects(key("team-ab"), {})
    assert not selecting.selects(key("Shop"), {})
    assert not selecting.selects(key("kube-public"), {})


def test_a_rule_is_for_one_cluster_and_for_labels() -> None:
    """Objects of another cluster, or without the labels, are not selected."""
    selecting = rule(selector="app=web")

    assert selecting.selects(key("shop"), {"app": "web"})
    assert not selecting.selects(key("shop"), {"app": "db"})
    assert not selecting.selects(key("shop", cluster="other"), {"app": "web"})


def test_a_rule_wants_its_operations() -> None:
    """Operations that a rule does not list are not wanted."""
    selecting = rule(operations=("create", "delete"))

    assert [op for op in Operation if selecting.wants(op)] == [Operation.CREATE, Operation.DELETE]


def test_streams_are_cluster_wide_unless_all_rules_name_their_namespaces() -> None:
    """One stream a type, or one a named namespace when every rule names few of them literally."""
    types = [DEPLOYMENTS, ROLES, LEASES]
    literal = rule(namespaces=("b", "a"))
    other = rule(namespaces=("c", "kube-system"), cluster_scoped=True)
    many = rule(namespaces=tuple(f"n{index}" for index in range(MOST_NAMESPACES + 1)))

    assert streams([literal], types) == {DEPLOYMENTS: ("a", "b")}
    assert streams([literal, other], types) == {DEPLOYMENTS: ("a", "b", "c"), ROLES: ("",)}
    assert streams([literal, rule()], types) == {DEPLOYMENTS: ("",), ROLES: ("",)}
    assert streams([rule(namespaces=("team-*",))], types) == {DEPLOYMENTS: ("",)}
    assert streams([many], types) == {DEPLOYMENTS: ("",)}
    assert streams([rule(namespaces=("kube-system",))], types) == {}


STREAM = Stream("default", DEPLOYMENTS)


def test_coverage_changes_with_all_that_decides_about_the_stream() -> None:
    """A position is void once anything changes that decides what goes where or how it looks."""
    stripping = SanitizeRule(("deployments",), strip=("spec.x",))
    changed = dict.fromkeys(("url", "branch", "path", "layout", "template", "style", "secrets"), "changed")
    prints = [
        coverage(STREAM, [rule()], [LIVE]),
        coverage(STREAM, [rule(namespaces=("shop",))], [LIVE]),
        coverage(STREAM, [rule(selector="a=b")], [LIVE]),
        coverage(
            STREAM,
            [rule(), CompiledRule(Rule("s", "second"), excluded_type)],
            [LIVE, Destination("second", "file:///s")],
        ),
        coverage(STREAM, [rule()], [LIVE], [stripping]),
        coverage(Stream("default", msgspec.structs.replace(DEPLOYMENTS, version="v2")), [rule()], [LIVE]),
        *(coverage(STREAM, [rule()], [msgspec.structs.replace(LIVE, **{k: v})]) for k, v in changed.items()),
    ]

    assert len(set(prints)) == len(prints)
    assert all(set(text) <= set("0123456789abcdef") for text in prints)


def test_coverage_ignores_what_does_not_concern_the_stream() -> None:
    """Other types, clusters and destinations, names, and the order of rules leave a position valid."""
    rules = [rule(), rule(selector="a=b")]
    expected = coverage(STREAM, rules, [LIVE])

    assert coverage(STREAM, rules[::-1], [LIVE]) == expected
    assert coverage(STREAM, [*rules, rule(resources=("pods",)), rule(cluster="other")], [LIVE]) == expected
    assert coverage(STREAM, rules, [Destination("other", "file:///o"), LIVE]) == expected
    assert coverage(STREAM, rules, [LIVE], [SanitizeRule(("pods",), strip=("a",))]) == expected
    assert (
        coverage(STREAM, rules, [msgspec.structs.replace(LIVE, window="5s", committer="A <a@b>")]) == expected
    )
    assert coverage(STREAM, [rule(resources=("deploy*", "Deployment")), rules[1]], [LIVE]) == expected
