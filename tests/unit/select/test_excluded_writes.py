"""Which entries rules exclude: by user, by field manager, and never in doubt."""

from __future__ import annotations

from typing import Any

import pytest

from reverser.model.attribution import UNKNOWN, Actor, Attribution, Evidence
from reverser.model.change import Operation, Origin
from reverser.model.commit import CommitPlan
from reverser.model.entry import Edit, Entry
from reverser.model.resource import ObjectKey
from reverser.model.rule import Rule
from reverser.sanitize.excluded_types import excluded_type
from reverser.select.excluded_writes import actors, excluded, split_excluded
from reverser.select.rules import CompiledRule

FLUX = "system:serviceaccount:flux-system:kustomize-controller"
KEY = ObjectKey("default", "", "configmaps", "shop", "a")
NOBODY = [Evidence.MANAGER, Evidence.AMBIGUOUS, Evidence.UNRESOLVED]


def by(user: str, manager: str = "kubectl") -> Attribution:
    return Attribution(Actor(user), Evidence.ADMISSION, manager=manager)


def rule(**fields: Any) -> CompiledRule:
    return CompiledRule(Rule("r", "live", **fields), excluded_type)


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
