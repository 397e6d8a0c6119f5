"""The status of a custom resource: from its verdict, and from what its destination is doing.

| GitRepoConfig or rule | Ready | Reconciling | Stalled |
|---|---|---|---|
| works | True | | |
| is being looked at, or its first snapshot is under way | Unknown | True | |
| waits for something that may come by itself: a remote, a Secret | False | True | |
| waits for a person | False | | True |
| suspended | False | | |

These are what kstatus reads. Reasons of Ready are those of GitOps Reverser where it had one, so that scripts
go on; ours, which say more, are on Stalled. Rules have Matched besides: False names what selects
nothing, or may not be read.

What a person must see is written at once; counts, commits and other words for the same thing every 30 seconds
at most, and what did not change never.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from datetime import UTC, datetime
from typing import Literal, TypeAlias

import msgspec

from reverser.custom_resources.api_types import (
    AnyStatus,
    GitRepoConfig,
    GitRepoConfigStatus,
    LastPush,
    RuleStatus,
    StatusCondition,
)
from reverser.custom_resources.config_compiler import GOOD
from reverser.custom_resources.model import Activity, Verdict
from reverser.custom_resources.spec_hints import in_words_of_spec
from reverser.text import cut, visible

SECONDS_BETWEEN_COUNTS = 30.0
MOST_MESSAGE = 4000
"""Characters of one message."""
ORDER = ("Ready", "Reconciling", "Stalled", "Matched")
FORBIDDEN = "Forbidden"
"""Reason of Matched, and of the daemon's condition about a type, where a right is missing."""
CONNECTION, MALFORMED = "ConnectionFailed", "SecretMalformed"
RETRIED = frozenset({"Unreachable", "JournalUnusable"})
"""Reasons of the daemon that end by themselves: nobody has to act."""
READY_REASONS: dict[str, str] = {
    "AccessDenied": CONNECTION,
    "AuthenticationFailed": CONNECTION,
    "BranchInvalid": "BranchNotFound",
    "BranchNotFound": "BranchNotFound",
    "CertificateUntrusted": CONNECTION,
    "CredentialsMissing": "SecretNotFound",
    "CredentialsUnreadable": MALFORMED,
    "HostKeyChanged": CONNECTION,
    "HostKeyMissing": MALFORMED,
    "HostKeyUnknown": CONNECTION,
    "KeyUnusable": MALFORMED,
    "ObjectFormat": CONNECTION,
    "PushRefused": CONNECTION,
    "Redirected": CONNECTION,
    "RepositoryNotFound": CONNECTION,
    "RepositoryNotOwned": CONNECTION,
    "Unreachable": CONNECTION,
    "UserWithoutEntry": CONNECTION,
}
"""Reason of the daemon's condition about a destination -> the seed's; others are shown as they are."""


class _Claim(msgspec.Struct, frozen=True):
    """What is to be said in the three conditions that kstatus reads."""

    ready: Literal["True", "False", "Unknown"]
    reason: str
    message: str
    reconciling: str = ""
    """Reason of Reconciling; empty: it is absent."""
    progress: str = ""
    """Message of Reconciling, where it is not that of Ready."""
    stalled: str = ""
    """Reason of Stalled; empty: it is absent."""


class Moment(msgspec.Struct, frozen=True):
    """What every status depends on besides."""

    generation: int
    """Of the spec that the verdict is about."""
    now: str
    """The time, as Kubernetes spells it: 2026-01-31T12:00:00Z."""
    handled: str = ""
    """The value of the annotation `configbutler.ai/reconcile-at` that was answered last."""


def config_status(
    config: GitRepoConfig,
    verdict: Verdict,
    activity: Activity,
    before: GitRepoConfigStatus | None,
    moment: Moment,
) -> GitRepoConfigStatus:
    """The status of a GitRepoConfig; `before` is what the API server has."""
    claim = _of_verdict(verdict) if not _works(verdict) else _of_activity(config.spec.branch, activity)
    before = before or GitRepoConfigStatus()
    return GitRepoConfigStatus(
        observed_generation=moment.generation,
        conditions=_conditions(_or_postponed(claim, verdict), (), before.conditions, moment),
        last_handled_reconcile_at=moment.handled,
        last_push=_last_push(activity) or (None if activity.moved else before.last_push),
        commits=activity.commits,
        pending=activity.pending,
        withheld=activity.withheld,
    )


def rule_status(
    namespace: str,
    verdict: Verdict,
    config: GitRepoConfigStatus | None,
    before: RuleStatus | None,
    moment: Moment,
    forbidden: Set[str] = frozenset(),
) -> RuleStatus:
    """The status of a rule of a namespace, empty for a ClusterWatchRule; `config` is its config's.

    `forbidden` are the types that the daemon may not read.
    """
    claim = _of_verdict(verdict) if not _works(verdict) else _of_config(namespace, verdict, config)
    return RuleStatus(
        observed_generation=moment.generation,
        conditions=_conditions(
            _or_postponed(claim, verdict),
            _matched(verdict, forbidden),
            before.conditions if before else (),
            moment,
        ),
        last_handled_reconcile_at=moment.handled,
        matched_types=verdict.matched,
    )


def worth_writing(old: AnyStatus | None, new: AnyStatus, seconds_since_last_write: float) -> bool:
    """Whether a status is to be written now: what changed for a person at once, all else now and then."""
    if old == new:
        return False
    return (
        old is None
        or _transitions(old) != _transitions(new)
        or seconds_since_last_write >= SECONDS_BETWEEN_COUNTS
    )


def ready(status: AnyStatus | None) -> StatusCondition | None:
    """The condition Ready of a status."""
    return next((each for each in status.conditions if each.type == "Ready"), None) if status else None


def _works(verdict: Verdict) -> bool:
    return verdict.accepted and not verdict.waiting and verdict.reason in (GOOD, "Ready")


def _of_verdict(verdict: Verdict) -> _Claim:
    reason, message = verdict.reason, verdict.message
    if verdict.waiting:
        return _Claim("Unknown", reason, message, "Waiting")
    if verdict.stalled:
        return _Claim("False", reason, message, stalled=verdict.stalled)
    return _Claim("False", reason, message, "" if reason == "Suspended" else "Waiting")


def _or_postponed(claim: _Claim, verdict: Verdict) -> _Claim:
    """Where a newer spec waits, nobody has to act on the one before."""
    if not verdict.postponed:
        return claim
    return msgspec.structs.replace(claim, reconciling="Postponed", progress=verdict.postponed, stalled="")


def _of_activity(branch: str, activity: Activity) -> _Claim:
    """What the remote and the first snapshot say of a config whose text is right."""
    name = cut(visible(branch), 100)
    if activity.stalled:
        reason = READY_REASONS.get(activity.stalled, activity.stalled)
        message = in_words_of_spec(activity.message)
        if activity.stalled in RETRIED:
            return _Claim("False", reason, message, "Retrying")
        return _Claim("False", reason, message, stalled=activity.stalled)
    if activity.types_listed < activity.types_watched:
        progress = f"{activity.types_listed} of {activity.types_watched} types"
        message = f"the first snapshot is under way: {progress} are listed"
        return _Claim("Unknown", "Checking", message, "Snapshot", progress)
    if not activity.read:
        return _Claim("Unknown", "Checking", f"branch {name} is being read", "Checking")
    if activity.head:
        return _Claim("True", GOOD, f"branch {name} is at commit {activity.head[:8]}")
    return _Claim("True", GOOD, f"the first commit makes branch {name}")


def _of_config(namespace: str, verdict: Verdict, config: GitRepoConfigStatus | None) -> _Claim:
    """A rule in force is ready when its config is."""
    condition = ready(config)
    if condition is None or condition.status == "Unknown":
        message = f"GitRepoConfig {verdict.config} is being looked at"
        return _Claim("Unknown", "GitRepoConfigNotReady", message, "Waiting")
    if condition.status == "True":
        return _Claim("True", verdict.reason, verdict.message)
    message = f"GitRepoConfig {verdict.config} is not ready"
    if namespace and verdict.config and namespace != verdict.config.namespace:
        message = f"{message}; its conditions tell its owner why"
    else:
        message = f"{message}: {condition.reason}: {condition.message}"
    return _Claim("False", "GitRepoConfigNotReady", message, "Waiting")


_Spoken: TypeAlias = tuple[str, Literal["True", "False", "Unknown"], str, str]
"""Type, status, reason and message of a condition."""


def _matched(verdict: Verdict, forbidden: Set[str]) -> tuple[_Spoken, ...]:
    unread = [name for name in verdict.matched if name in forbidden]
    if verdict.accepted and unread:
        message = (
            f"the daemon may not read {', '.join(unread)}; whoever runs it: "
            "`reverser rbac --from-cluster` prints the rights"
        )
        return (("Matched", "False", FORBIDDEN, message),)
    if verdict.unmatched:
        return (("Matched", "False", "NotAllMatched", verdict.unmatched),)
    if verdict.accepted and verdict.matched:
        return (("Matched", "True", "AllMatched", f"watched: {', '.join(verdict.matched)}"),)
    return ()


def _conditions(
    claim: _Claim, more: Iterable[_Spoken], before: Sequence[StatusCondition], moment: Moment
) -> tuple[StatusCondition, ...]:
    """All conditions in the order that they had; new ones follow."""
    spoken: list[_Spoken] = [("Ready", claim.ready, claim.reason, claim.message)]
    if claim.reconciling:
        spoken.append(("Reconciling", "True", claim.reconciling, claim.progress or claim.message))
    if claim.stalled:
        spoken.append(("Stalled", "True", claim.stalled, claim.message))
    known = {each.type: each for each in before}
    order = (*known, *ORDER)
    return tuple(
        sorted(
            (_condition(each, known.get(each[0]), moment) for each in (*spoken, *more)),
            key=lambda condition: order.index(condition.type),
        )
    )


def _condition(spoken: _Spoken, before: StatusCondition | None, moment: Moment) -> StatusCondition:
    type_, status, reason, message = spoken
    same = before is not None and before.status == status and before.last_transition_time
    return StatusCondition(
        type_,
        status,
        reason,
        cut(visible(message), MOST_MESSAGE),
        before.last_transition_time if before is not None and same else moment.now,
        moment.generation,
    )


def _last_push(activity: Activity) -> LastPush | None:
    if not activity.pushed_commit:
        return None
    time = datetime.fromtimestamp(activity.pushed_at, UTC)
    return LastPush(activity.pushed_commit, time.strftime("%Y-%m-%dT%H:%M:%SZ"))


def _transitions(status: AnyStatus) -> tuple[object, ...]:
    """What of a status is written at once."""
    return (
        status.observed_generation,
        status.last_handled_reconcile_at,
        {(each.type, each.status, each.reason, each.observed_generation) for each in status.conditions},
        status.matched_types if isinstance(status, RuleStatus) else status.last_push is not None,
    )
