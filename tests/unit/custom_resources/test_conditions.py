"""Statuses of custom resources."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverser.custom_resources.api_types import GitRepoConfigStatus, LastPush, RuleStatus, StatusCondition
from reverser.custom_resources.conditions import (
    READY_REASONS,
    RETRIED,
    Moment,
    config_status,
    rule_status,
    worth_writing,
)
from reverser.custom_resources.model import Activity, ObjectName, Verdict
from reverser.git.errors import TABLE
from tests.cluster_states import config

DOCS = Path(__file__).parents[3] / "docs"
MOMENT = Moment(7, "2026-01-01T00:00:00Z", "asked")
LATER = Moment(7, "2026-02-02T00:00:00Z", "asked")
GOOD = Verdict(True, "BranchFound", "")
READY_RULE = Verdict(
    True, "Ready", "the rule selects 1 resource type", matched=("pods",), config=ObjectName("shop", "repo")
)
WORKS = Activity(read=True, head="1a2b3c4d5e6f", types_listed=12, types_watched=12)
DENIED = Verdict(False, "AccessDenied", "no", "AccessDenied")


def of_config(
    verdict: Verdict = GOOD, activity: Activity = WORKS, before: Any = None, moment: Moment = MOMENT
) -> GitRepoConfigStatus:
    return config_status(config(), verdict, activity, before, moment)


def of_rule(
    verdict: Verdict = READY_RULE,
    target: Any = None,
    before: Any = None,
    namespace: str = "shop",
    moment: Moment = MOMENT,
) -> RuleStatus:
    return rule_status(namespace, verdict, of_config() if target is None else target, before, moment)


def shown(status: GitRepoConfigStatus | RuleStatus) -> dict[str, tuple[str, str]]:
    return {each.type: (each.status, each.reason) for each in status.conditions}


@pytest.mark.parametrize(
    ("verdict", "activity", "expected"),
    [
        (GOOD, WORKS, {"Ready": ("True", "BranchFound")}),
        (
            GOOD,
            Activity(),
            {"Ready": ("Unknown", "Checking"), "Reconciling": ("True", "Checking")},
        ),
        (
            GOOD,
            Activity(read=True, types_listed=3, types_watched=12),
            {"Ready": ("Unknown", "Checking"), "Reconciling": ("True", "Snapshot")},
        ),
        (
            GOOD,
            Activity(stalled="Unreachable", message="m"),
            {"Ready": ("False", "ConnectionFailed"), "Reconciling": ("True", "Retrying")},
        ),
        (
            GOOD,
            Activity(stalled="AuthenticationFailed", message="m", read=True),
            {"Ready": ("False", "ConnectionFailed"), "Stalled": ("True", "AuthenticationFailed")},
        ),
        (
            GOOD,
            Activity(stalled="BranchNotFound", message="m"),
            {"Ready": ("False", "BranchNotFound"), "Stalled": ("True", "BranchNotFound")},
        ),
        (
            GOOD,
            Activity(stalled="UnknownJournal", message="m"),
            {"Ready": ("False", "UnknownJournal"), "Stalled": ("True", "UnknownJournal")},
        ),
        (Verdict(True, "Suspended", "m"), WORKS, {"Ready": ("False", "Suspended")}),
        (
            Verdict(False, "SecretMalformed", "m", "KnownHostsMissing"),
            WORKS,
            {"Ready": ("False", "SecretMalformed"), "Stalled": ("True", "KnownHostsMissing")},
        ),
        (
            Verdict(False, "SecretNotFound", "m"),
            WORKS,
            {"Ready": ("False", "SecretNotFound"), "Reconciling": ("True", "Waiting")},
        ),
        (
            Verdict(False, "Checking", "m", waiting=True),
            WORKS,
            {"Ready": ("Unknown", "Checking"), "Reconciling": ("True", "Waiting")},
        ),
    ],
)
def test_a_config_shows_what_kstatus_reads(
    verdict: Verdict, activity: Activity, expected: dict[str, tuple[str, str]]
) -> None:
    """Ready, Reconciling and Stalled are there or absent as the table says; Ready has the seed's reasons."""
    status = of_config(verdict, activity)

    assert shown(status) == expected
    assert status.observed_generation == 7
    assert {each.observed_generation for each in status.conditions} == {7}
    assert status.last_handled_reconcile_at == "asked"


def test_ready_names_branch_and_commit() -> None:
    """The message has the branch and the first eight digits of its commit; progress is in numbers."""
    (found_branch,) = of_config().conditions
    snapshot = of_config(activity=Activity(read=True, types_listed=3, types_watched=12)).conditions[1]

    assert found_branch.message == "branch main is at commit 1a2b3c4d"
    assert snapshot.message == "3 of 12 types"
    assert (
        of_config(activity=Activity(read=True)).conditions[0].message == "the first commit makes branch main"
    )


def test_pushes_and_counts_are_shown() -> None:
    """The newest push of this process is shown, before one that an earlier process has written."""
    earlier = GitRepoConfigStatus(last_push=LastPush("old", "2025-01-01T00:00:00Z"))
    pushed = msgspec.structs.replace(
        WORKS, pushed_commit="abc", pushed_at=1767225600.0, commits=3, pending=2, withheld=1
    )

    status = of_config(activity=pushed, before=earlier)

    assert status.last_push == LastPush("abc", "2026-01-01T00:00:00Z")
    assert (status.commits, status.pending, status.withheld) == (3, 2, 1)
    assert of_config(before=earlier).last_push == earlier.last_push
    assert of_config(activity=Activity(read=True, moved=True), before=earlier).last_push is None


@pytest.mark.parametrize(
    ("verdict", "target", "expected"),
    [
        (READY_RULE, of_config(), {"Ready": ("True", "Ready"), "Matched": ("True", "AllMatched")}),
        (
            READY_RULE,
            of_config(activity=Activity()),
            {
                "Ready": ("Unknown", "GitRepoConfigNotReady"),
                "Reconciling": ("True", "Waiting"),
                "Matched": ("True", "AllMatched"),
            },
        ),
        (
            READY_RULE,
            of_config(activity=Activity(stalled="AuthenticationFailed")),
            {
                "Ready": ("False", "GitRepoConfigNotReady"),
                "Reconciling": ("True", "Waiting"),
                "Matched": ("True", "AllMatched"),
            },
        ),
        (DENIED, of_config(), {"Ready": ("False", "AccessDenied"), "Stalled": ("True", "AccessDenied")}),
        (
            Verdict(False, "GitRepoConfigNotFound", "m"),
            GitRepoConfigStatus(),
            {"Ready": ("False", "GitRepoConfigNotFound"), "Reconciling": ("True", "Waiting")},
        ),
        (
            Verdict(True, "Ready", "m", unmatched="pods/log: subresources are not watched"),
            of_config(),
            {"Ready": ("True", "Ready"), "Matched": ("False", "NotAllMatched")},
        ),
        (Verdict(False, "Suspended", "m"), of_config(), {"Ready": ("False", "Suspended")}),
        (
            Verdict(True, "Validating", "m", waiting=True),
            of_config(),
            {"Ready": ("Unknown", "Validating"), "Reconciling": ("True", "Waiting")},
        ),
    ],
)
def test_a_rule_is_ready_when_its_config_is(
    verdict: Verdict, target: GitRepoConfigStatus, expected: dict[str, tuple[str, str]]
) -> None:
    """A rule waits for its config, is stalled when it is refused, and names what selects nothing."""
    status = of_rule(verdict, target)

    assert shown(status) == expected
    assert status.matched_types == verdict.matched


def test_a_rule_of_another_namespace_is_not_told_why() -> None:
    """Messages of a remote reach the owner of the config, and nobody in another namespace."""
    target = of_config(activity=Activity(stalled="AuthenticationFailed", message="user bob was refused"))

    own, other, cluster = (
        of_rule(READY_RULE, target, namespace=each).conditions[0].message for each in ("shop", "b", "")
    )

    assert "user bob was refused" in own
    assert "user bob was refused" in cluster
    assert other == "GitRepoConfig shop/repo is not ready; its conditions tell its owner why"


def test_a_transition_has_the_time_at_which_the_status_changed() -> None:
    """Another reason keeps the time, another status does not."""
    first = of_config(Verdict(False, "SecretNotFound", "m"))
    second = of_config(Verdict(False, "ConnectionFailed", "m", "UrlRefused"), before=first, moment=LATER)
    third = of_config(before=second, moment=LATER)

    assert second.conditions[0].last_transition_time == MOMENT.now
    assert second.conditions[1].last_transition_time == LATER.now
    assert third.conditions[0].last_transition_time == LATER.now


def test_conditions_keep_their_order() -> None:
    """What was first in the list stays first, and new ones follow."""
    before = RuleStatus(
        conditions=(
            StatusCondition("Matched", "True", "AllMatched", "m", MOMENT.now, 7),
            StatusCondition("Ready", "True", "Ready", "m", MOMENT.now, 7),
        )
    )
    verdict = Verdict(False, "AccessDenied", "no", "AccessDenied", unmatched="x")

    status = of_rule(verdict, before=before)

    assert [each.type for each in status.conditions] == ["Matched", "Ready", "Stalled"]


def test_what_did_not_change_is_never_written() -> None:
    """The same facts at a later time make an equal status, for configs and rules."""
    status, rule = of_config(), of_rule()

    assert not worth_writing(status, of_config(before=status, moment=LATER), 1e9)
    assert not worth_writing(rule, of_rule(before=rule, moment=LATER), 1e9)


@pytest.mark.parametrize(
    ("changed", "at_once"),
    [
        (of_config(activity=Activity(stalled="Unreachable")), True),
        (of_config(moment=Moment(8, MOMENT.now, "asked")), True),
        (of_config(moment=Moment(7, MOMENT.now, "again")), True),
        (of_config(activity=msgspec.structs.replace(WORKS, commits=4)), False),
        (of_config(activity=msgspec.structs.replace(WORKS, head="ffffffffffff", pushed_commit="f")), True),
        (of_config(activity=msgspec.structs.replace(WORKS, head="ffffffffffff")), False),
    ],
)
def test_transitions_are_written_at_once_and_counts_now_and_then(
    changed: GitRepoConfigStatus, at_once: bool
) -> None:
    """A condition, a generation, an answered request and the first push do not wait; numbers do, for 30 s."""
    assert worth_writing(of_config(), changed, 1.0) is at_once
    assert worth_writing(of_config(), changed, 30.0)
    assert worth_writing(None, changed, 0.0)


def test_newly_matched_types_are_written_at_once() -> None:
    """What a rule selects is shown without delay."""
    more = msgspec.structs.replace(READY_RULE, matched=("configmaps", "pods"))

    assert worth_writing(of_rule(), of_rule(more), 1.0)


ACTIVITIES = st.builds(
    Activity,
    stalled=st.sampled_from(["", *READY_REASONS, "Bug", "UnknownJournal"]),
    message=st.text(max_size=40),
    read=st.booleans(),
    head=st.sampled_from(["", "1a2b3c4d5e6f"]),
    types_listed=st.integers(0, 3),
    types_watched=st.integers(0, 3),
)
VERDICTS = st.builds(
    Verdict,
    accepted=st.booleans(),
    reason=st.sampled_from(["BranchFound", "Ready", "SecretNotFound", "Suspended", "GitRepoConfigNotReady"]),
    message=st.text(max_size=40),
    stalled=st.sampled_from(["", "Overlap"]),
    waiting=st.booleans(),
    unmatched=st.sampled_from(["", "x"]),
    config=st.just(ObjectName("shop", "repo")),
)


@given(VERDICTS, ACTIVITIES, VERDICTS)
def test_every_status_is_one_that_the_api_takes(verdict: Verdict, activity: Activity, rule: Verdict) -> None:
    """Ready is always there, never True beside the others, nor are both of these; all fits the schema."""
    target = of_config(verdict, activity)

    for status in (target, of_rule(rule, target)):
        types = shown(status)
        assert msgspec.json.decode(msgspec.json.encode(status), type=type(status)) == status
        assert types["Ready"][0] != "True" or not {"Reconciling", "Stalled"} & types.keys()
        assert not {"Reconciling", "Stalled"} <= types.keys()


def test_every_reason_of_the_remote_has_one_of_the_seed() -> None:
    """What git and ssh say is translated for scripts that know the seed, and documented."""
    reasons = {row.reason for row in TABLE} | RETRIED - {"JournalUnusable"}
    pages = (DOCS / "custom-resources.md").read_text()

    assert reasons <= READY_REASONS.keys()
    assert all(f"`{name}`" in pages for name in {*READY_REASONS, *READY_REASONS.values()} - RETRIED)
    assert re.search(r"`Matched`", pages)


def test_a_rule_names_what_may_not_be_read() -> None:
    """The types without a right are named, and only those."""
    verdict = Verdict(True, "Ready", "m", matched=("configmaps", "roles.rbac.authorization.k8s.io"))
    forbidden = {"roles.rbac.authorization.k8s.io", "secrets"}
    status = rule_status("shop", verdict, of_config(), None, Moment(1, "now"), forbidden)

    (matched,) = [each for each in status.conditions if each.type == "Matched"]
    assert (matched.status, matched.reason) == ("False", "Forbidden")
    assert "may not read roles.rbac.authorization.k8s.io;" in matched.message
    assert shown(status)["Ready"] == ("True", "Ready")
