"""Decides who made a change: the strongest evidence that names exactly one actor.

    audit > admission > admission-key > audit-collection > manager > unresolved

The result depends on which facts there are, not on the order in which they came. `resolve_or_wait` says when
it is worth waiting for more of them.

A change that waits for audit is stored in the journal together with what admission says about it
(`admission_only`), because admission facts are lost with the process and audit facts are not. After a
restart nobody can tell whether an audited request made the change or only repeated it. So `merge_with_saved`
lets audit name only an actor whom admission named before the restart, or left as the only one possible.
"""

from __future__ import annotations

import msgspec

from reverser.attribution.by_admission import Support, Weight, admitted
from reverser.attribution.by_audit import audited, collected
from reverser.attribution.cascade import caused_by
from reverser.attribution.fact_index import Facts
from reverser.model.attribution import UNKNOWN, Attribution, Evidence
from reverser.model.change import Operation
from reverser.model.observed_write import ObservedWrite

CANDIDATES = 10
"""Names kept of an ambiguous change."""


def attribute(subject: ObservedWrite, facts: Facts) -> Attribution:
    """Who made this change, and how we know; never a guess between two.

    Audit and admission check each other, since each has a blind spot that the other lacks: a no-op echoes the
    version of an unaudited write; an attempt lost to a write for which no webhook was called. So where both
    name somebody, only an actor whom both name is the author.
    """
    audit, admission = audited(subject, facts), admitted(subject, facts)
    silent = not admission.unique and not admission.ambiguous
    if _agree(audit, admission) or (audit.unique and (silent or audit.names <= admission.names)):
        return _named(subject, audit, Evidence.AUDIT, facts)
    if audit.names:
        return _resolve_conflict(subject, audit, admission, facts)
    if not silent:
        return _by_admission(subject, admission, facts)
    collection = collected(subject, facts)
    if collection.ambiguous:
        return _ambiguous(subject, collection.names)
    if collection.unique:
        return _named(subject, collection, Evidence.AUDIT_COLLECTION, facts)
    return _unknown(subject)


def admission_only(subject: ObservedWrite, facts: Facts) -> Attribution:
    """The author by admission facts alone; if they name nobody, the actors that they leave possible."""
    admission = admitted(subject, facts)
    if admission.unique or admission.ambiguous:
        return _by_admission(subject, admission, facts)
    return msgspec.structs.replace(_unknown(subject), candidates=_first_names(admission.names))


def resolve_or_wait(subject: ObservedWrite, facts: Facts, now: float, until: float) -> Attribution | None:
    """The attribution; None before `until` (Unix seconds) as long as more facts may change it.

    Admission precedes the write, so only audit is waited for. What cannot change any more waits for
    nothing: a creation that audit names, and a change on which audit and admission agree. Audit alone
    does not end the wait: the batch with the true writer may come after one with an echo.
    """
    return attribute(subject, facts) if now >= until or _final(subject, facts) else None


def _final(subject: ObservedWrite, facts: Facts) -> bool:
    audit, admission = audited(subject, facts), admitted(subject, facts)
    if subject.operation is Operation.CREATE:
        return audit.unique
    return _agree(audit, admission)


def _agree(audit: Support, admission: Support) -> bool:
    """Whether admission names the only one whom audit leaves, who then need not prove it again."""
    return admission.unique and audit.names == admission.names


def _resolve_conflict(
    subject: ObservedWrite, audit: Support, admission: Support, facts: Facts
) -> Attribution:
    """Audit leaves several actors, or another than admission: one of them must be in both."""
    both = audit.names & admission.names
    if len(both) == 1 and admission.unique:
        return _named(subject, admission, _admission_evidence(admission), facts)
    return _ambiguous(subject, audit.names | admission.names)


def _by_admission(subject: ObservedWrite, admission: Support, facts: Facts) -> Attribution:
    if admission.ambiguous:
        return _ambiguous(subject, admission.names)
    return _named(subject, admission, _admission_evidence(admission), facts)


def _admission_evidence(admission: Support) -> Evidence:
    return Evidence.ADMISSION if admission.weight is Weight.PROVES else Evidence.ADMISSION_KEY


def _named(subject: ObservedWrite, support: Support, evidence: Evidence, facts: Facts) -> Attribution:
    assert support.fact is not None
    return Attribution(
        actor=support.fact.actor,
        evidence=evidence,
        manager=_manager(subject),
        impersonator=support.fact.impersonator,
        user_agent=support.fact.user_agent,
        caused_by=_caused_by(subject, support.fact.actor.name, facts),
    )


def _caused_by(subject: ObservedWrite, actor: str, facts: Facts) -> str:
    return caused_by(subject, actor, facts) if subject.operation is Operation.DELETE else ""


def _ambiguous(subject: ObservedWrite, names: frozenset[str]) -> Attribution:
    return Attribution(UNKNOWN, Evidence.AMBIGUOUS, manager=_manager(subject), candidates=_first_names(names))


def _first_names(names: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(names)[:CANDIDATES])


def _unknown(subject: ObservedWrite) -> Attribution:
    manager = _manager(subject)
    return Attribution(evidence=Evidence.MANAGER if manager else Evidence.UNRESOLVED, manager=manager)


def _manager(subject: ObservedWrite) -> str:
    """None for a deletion: the last editor of an object need not be who deleted it."""
    return "" if subject.operation is Operation.DELETE else subject.manager


ADMITTED = (Evidence.ADMISSION, Evidence.ADMISSION_KEY)


def merge_with_saved(before: Attribution, now: Attribution) -> Attribution:
    """The attribution that both sides support: names an actor only if neither side excludes it."""
    earlier, later = _names(before), _names(now)
    if not earlier:
        return now
    if not later:
        return before if before.named or before.evidence is Evidence.AMBIGUOUS else now
    if now.evidence is Evidence.AUDIT and later == earlier:
        return now
    if before.evidence in ADMITTED and earlier <= later:
        return before
    candidates = tuple(sorted(earlier | later))
    return Attribution(UNKNOWN, Evidence.AMBIGUOUS, manager=now.manager, candidates=candidates)


def _names(attribution: Attribution) -> frozenset[str]:
    return frozenset([attribution.actor.name] if attribution.named else attribution.candidates)
