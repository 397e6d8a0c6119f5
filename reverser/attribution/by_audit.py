"""Joins audit facts to a change: by uid and the version that the response carries.

A response carries the version that its write made, and no two writes make one version. But a request that
changes nothing (a no-op) succeeds too, and its response carries the version that another write made: a no-op
apply, or a second deletion of an object that waits for its finalizers. Such an echo was received when the
version existed already, and three comparisons rule it out:

- it was received after the whole second in which managedFields date the change;
- it was received after we had seen the change, with an allowance for two clocks;
- it was received after another request had been answered with the version, by the clock of the same API
  server, or else with the same allowance.

Status writes make no facts, but may change content. Their entry in managedFields rules echoes out. An echo
that remains beside the writer is a rival: admission then decides, or the change stays `ambiguous`.

When the writer's own event is lost, an echo may stand alone, and audit alone would name the wrong actor. Two
checks put it in doubt. `noop_actors`: admission saw the write on the version before, and the no-op on the
version that the write made, so an actor with no more audited responses than no-ops may have changed nothing.
`missing_events`: what managed fields and other events say about another writer. A response with CREATE is
never an echo, since an object is created once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from reverser.attribution.by_admission import Support, Weight, other_stamp, support
from reverser.attribution.fact_index import Facts
from reverser.attribution.missing_events import SKEW_SECONDS, doubtful, gaps_of
from reverser.model.change import Operation
from reverser.model.fact import Fact, Source
from reverser.model.observed_write import ObservedWrite
from reverser.model.resource import NO_VERSION
from reverser.select.labels import parse


def noop_actors(subject: ObservedWrite, answered: Iterable[Fact], facts: Facts) -> frozenset[str]:
    """The names of actors for whom every audited response with the version may belong to a no-op."""
    answers = Counter(fact.actor.name for fact in answered if fact.operation is subject.operation)
    met = facts.admitted(subject.cluster, subject.uid, subject.version)
    noops = Counter(fact.actor.name for fact in met if _repeats(subject, fact))
    return frozenset(name for name, count in noops.items() if count >= answers[name])


def wrote(fact: Fact) -> bool:
    """Whether the update's body names a version; `Facts` refuses one whose response has the same."""
    return fact.operation is Operation.UPDATE and bool(fact.previous_version)


def _repeats(subject: ObservedWrite, fact: Fact) -> bool:
    """Whether the request may ask for the state that the change made; contents may not be comparable."""
    if fact.operation is not subject.operation:
        return False
    if fact.digest and subject.digest and fact.digest != subject.digest:
        return False
    return fact.replicas is None or fact.replicas == subject.replicas


STAMP_SECONDS = 1.0
"""Stamps are whole seconds, rounded down, and made while the request runs."""
COLLECTION_SECONDS = 30.0
"""How long after a collection was answered we may see its deletions."""


def audited(subject: ObservedWrite, facts: Facts) -> Support:
    """The actors whose audited request can have made the change."""
    joined = _audited_with_version(subject, facts)
    possible = [fact for fact in joined if _may_have_made(subject, fact)]
    answered = _first_answers(possible)
    anywhere = min(answered.values(), default=float("inf")) + SKEW_SECONDS
    doubted = frozenset[str]() if subject.removed else noop_actors(subject, joined, facts)
    gaps = gaps_of(subject, facts) if possible and not any(map(wrote, possible)) else []
    return support(
        (Weight.PROVES if _proves(subject, fact, gaps, doubted) else Weight.RIVAL, fact)
        for fact in (*possible, *gaps)
        if fact.at <= min(anywhere, answered.get(fact.clock, anywhere) if fact.clock else anywhere)
    )


def _proves(subject: ObservedWrite, fact: Fact, gaps: Sequence[Fact], doubted: frozenset[str]) -> bool:
    if fact.gap:
        return False
    return wrote(fact) or not (fact.actor.name in doubted or doubtful(subject, fact, gaps))


def collected(subject: ObservedWrite, facts: Facts) -> Support:
    """The actors whose audited `deletecollection` can have deleted the object.

    With the uids of the response it is certain, unless somebody else deleted one of them at the same moment;
    that deletion has a fact of its own, which is stronger. By namespace, selector and time it is certain only
    if every deletion there is audited; a second collection that fits makes the change ambiguous.
    """
    if subject.operation is not Operation.DELETE:
        return Support()
    collections = facts.collections(subject.cluster, subject.key.group, subject.key.resource)
    weight = Weight.RIVAL if gaps_of(subject, facts) else Weight.PROVES
    return support((weight, fact) for fact in collections if _may_have_deleted(subject, fact))


def echoes(subject: ObservedWrite, fact: Fact) -> bool:
    """Whether an audited request came too late to have made the change."""
    if fact.at > subject.seen_at + SKEW_SECONDS:
        return True
    if subject.written_at and not fact.restamps:
        return fact.at >= subject.written_at + STAMP_SECONDS
    return False


def _first_answers(facts: Iterable[Fact]) -> dict[str, float]:
    """Clock -> when the first of these requests was answered by it."""
    answered: dict[str, float] = {}
    for fact in facts:
        if fact.completed_at:
            answered[fact.clock] = min(answered.get(fact.clock, fact.completed_at), fact.completed_at)
    return answered


def _audited_with_version(subject: ObservedWrite, facts: Facts) -> Sequence[Fact]:
    """An object that went at once was deleted by whoever's deletion succeeded, whatever version
    the response carries (that of the deletion, the last one, or none)."""
    if subject.removed:
        reported: Iterable[Fact] = facts.deletions(subject.cluster, subject.uid)
    elif subject.version in NO_VERSION:
        return []
    else:
        reported = facts.audited(subject.cluster, subject.uid, subject.version)
    return [fact for fact in reported if fact.source is Source.AUDIT]


def _may_have_made(subject: ObservedWrite, fact: Fact) -> bool:
    if fact.operation is not subject.operation:
        return False
    if fact.operation is Operation.DELETE:
        return not echoes(subject, fact)
    if fact.digest and subject.digest and fact.digest != subject.digest:
        return False
    if other_stamp(subject, fact) or subject.status_written:
        return False
    return fact.operation is Operation.CREATE or not echoes(subject, fact)


def _may_have_deleted(subject: ObservedWrite, fact: Fact) -> bool:
    answered = max(fact.at, fact.completed_at)
    if echoes(subject, fact) or subject.seen_at > answered + COLLECTION_SECONDS:
        return False
    if fact.uids:
        return subject.uid in fact.uids
    return fact.namespace in ("", subject.key.namespace) and _matches_selector(subject, fact.selector)


def _matches_selector(subject: ObservedWrite, selector: str) -> bool:
    try:
        return parse(selector).matches(subject.labels)
    except ValueError:
        return False
