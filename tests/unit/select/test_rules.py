"""Promises of rules: what they select, and which writes they exclude."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from reverser.model.attribution import UNKNOWN, Actor, Attribution, Evidence
from reverser.model.change import Operation, Origin, Stream
from reverser.model.commit import CommitPlan
from reverser.model.destination import Destination
from reverser.model.entry import Edit, Entry
from reverser.model.resource import ObjectKey, ResourceType
from reverser.model.rule import Rule, SanitizeRule
from reverser.sanitize.excluded_types import excluded_type
from reverser.select.rules import CompiledRule, actors, excluded, split_excluded
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


FLUX = "system:serviceaccount:flux-system:kustomize-controller"
KEY = ObjectKey("default", "", "configmaps", "shop", "a")
NOBODY = [Evidence.MANAGER, Evidence.AMBIGUOUS, Evidence.UNRESOLVED]


def by(user: str, manager: str = "kubectl") -> Attribution:
    return Attribution(Actor(user), Evidence.ADMISSION, manager=manager)


def entry(
    attribution: Attribution, *rules: CompiledRule, origin: Origin = Origin.LIVE, seq: int = 1
) -> Entry:
    edit = Edit("a.yaml", b"x")
    return Entry(
        *("live", KEY, "v1", "ConfigMap", Operation.UPDATE, origin, edit, 0.0),
        attribution=attribution,
        actors=actors(rules),
        seq=seq,
    )


@pytest.mark.parametrize(
    ("fields", "attribution", "out"),
    [
        ({"exclude_users": (FLUX,)}, by(FLUX), True),
        ({"exclude_users": ("system:serviceaccount:flux-system:*",)}, by(FLUX), True),
        ({"exclude_users": ("system:serviceaccount:flux-system:*",)}, by("alice"), False),
        ({"exclude_users": ("ALICE",)}, by("alice"), False),
        ({"exclude_managers": ("argocd-*",)}, by("alice", "argocd-controller"), True),
        ({"exclude_managers": ("argocd-*",)}, by("alice"), False),
        ({"exclude_managers": ("*",)}, by("alice", ""), False),
        ({"exclude_users": ("bob",), "exclude_managers": ("helm",)}, by("alice", "helm"), True),
        ({"only_users": ("*@corp.com",)}, by("alice@corp.com"), False),
        ({"only_users": ("*@corp.com",)}, by(FLUX), True),
        ({"only_users": ("*",), "exclude_users": ("bob",)}, by("bob"), True),
    ],
)
def test_globs_exclude(fields: dict[str, Any], attribution: Attribution, out: bool) -> None:
    """A user or a manager that a glob matches is excluded; with `only_users` all other users are."""
    assert excluded(entry(attribution, rule(**fields))) == ("skip" if out else None)
    assert excluded(entry(attribution, rule(**fields, excluded="fold"))) == ("fold" if out else None)


@pytest.mark.parametrize("evidence", NOBODY)
def test_an_unknown_user_is_included(evidence: Evidence) -> None:
    """Who is not proven is excluded by no list of users, whatever name would match; managers still count."""
    unknown = Attribution(UNKNOWN, evidence, manager="helm", candidates=(FLUX, "bob"))

    assert excluded(entry(unknown, rule(exclude_users=("*",), only_users=("alice",)))) is None
    assert excluded(entry(unknown, rule(exclude_managers=("helm",)))) == "skip"


@pytest.mark.parametrize("origin", [Origin.SNAPSHOT, Origin.SWEEP])
def test_lists_exclude_nothing(origin: Origin) -> None:
    """What a list brings or misses has no user."""
    everybody = rule(exclude_users=("*",), exclude_managers=("*",))

    assert excluded(entry(by(FLUX), everybody, origin=origin)) is None


def test_all_rules_must_agree() -> None:
    """A rule that takes the write, for all or for this user, makes it a commit; of two words skip wins."""
    skip, fold = rule(exclude_users=("bob",)), rule(exclude_users=("b*",), excluded="fold")

    assert excluded(entry(by("bob"), skip, rule())) is None
    assert excluded(entry(by("bob"), fold, rule(exclude_users=("eve",)))) is None
    assert excluded(entry(by("bob"), skip, fold)) == "skip"
    assert excluded(entry(by("bob"), fold, fold)) == "fold"
    assert excluded(entry(by("bob"))) is None


def test_rules_without_lists_cost_an_entry_nothing() -> None:
    """Nothing of a rule travels with an entry that none of its lists concerns."""
    assert actors([rule(), rule(excluded="fold")]) == ()
    assert actors([rule(exclude_users=("bob",)), rule()]) == ()
    assert len(actors([rule(exclude_users=("bob",)), rule(exclude_users=("bob",))])) == 1


def test_a_plan_is_told_apart() -> None:
    """What a commit is about, and what goes along; nothing but excluded entries is about nobody."""
    fold = rule(exclude_users=("bob",), excluded="fold")
    his, hers = entry(by("bob"), fold), entry(by("alice"), fold, seq=2)

    assert split_excluded(CommitPlan((his, hers))) == (CommitPlan((hers,)), (his,))
    assert split_excluded(CommitPlan((hers,))) == (CommitPlan((hers,)), ())
    assert split_excluded(CommitPlan((his,))) == (None, (his,))
