"""Finds the deletion that caused a deletion: of an owner with dependents, or of a namespace.

The garbage collector deletes the dependents of a deleted owner, the namespace controller all objects of a
deleted namespace. The controller is the author of these deletions; whose deletion caused them is added when
it is known. The owner is deleted, so one of the requests to delete it succeeded. Audited requests did
succeed; without any, an admitted one counts when all admitted ones are of one actor.
"""

from __future__ import annotations

from collections.abc import Sequence

from reverser.attribution.fact_index import Facts
from reverser.attribution.missing_events import SKEW_SECONDS
from reverser.model.fact import Fact, Source
from reverser.model.observed_write import ObservedWrite

COLLECTOR = "system:serviceaccount:kube-system:generic-garbage-collector"
NAMESPACES = "system:serviceaccount:kube-system:namespace-controller"
OWNERS = 100
"""Owners, and owners of owners, that are looked up: a pod's replica set and its deployment are two."""


def caused_by(subject: ObservedWrite, actor: str, facts: Facts) -> str:
    """`bob deleted namespace shop`, or empty when nobody or more than one can be named."""
    causes = _causes(subject, actor, facts)
    if len({fact.actor.name for fact in causes}) != 1:
        return ""
    return min(f"{fact.actor.name} deleted {_object_name(fact)}" for fact in causes)


def _causes(subject: ObservedWrite, actor: str, facts: Facts) -> list[Fact]:
    """The facts of people's deletions that a controller's deletion follows from."""
    if actor == NAMESPACES:
        return _by_people(subject, facts.namespace_deletions(subject.cluster, subject.key.namespace))
    waiting, visited, causes = list(subject.owners) if actor == COLLECTOR else [], set[str](), list[Fact]()
    while waiting and len(visited) < OWNERS:
        uid = waiting.pop()
        if uid not in visited:
            visited.add(uid)
            owners, people = _owner_deletion(subject, uid, facts)
            waiting += owners
            causes += people
    return causes


def _owner_deletion(subject: ObservedWrite, uid: str, facts: Facts) -> tuple[list[str], list[Fact]]:
    """Who deleted this owner; when only a controller did, the owners to look up next."""
    deletions = _not_after(subject, facts.deletions(subject.cluster, uid))
    people = _by_people(subject, deletions)
    if people:
        return [], people
    if any(fact.actor.name == NAMESPACES for fact in deletions):
        return [], _by_people(subject, facts.namespace_deletions(subject.cluster, deletions[0].namespace))
    return [owner for fact in deletions for owner in fact.owners], []


def _by_people(subject: ObservedWrite, deletions: Sequence[Fact]) -> list[Fact]:
    mine = [fact for fact in _not_after(subject, deletions) if fact.actor.name not in (COLLECTOR, NAMESPACES)]
    audited = [fact for fact in mine if fact.source is Source.AUDIT]
    return audited or mine


def _not_after(subject: ObservedWrite, facts: Sequence[Fact]) -> list[Fact]:
    """A cause does not come after what it caused."""
    return [fact for fact in facts if fact.at <= subject.seen_at + SKEW_SECONDS]


def _object_name(fact: Fact) -> str:
    if (fact.group, fact.resource) == ("", "namespaces"):
        return f"namespace {fact.name}"
    kind = f"{fact.resource}.{fact.group}" if fact.group else fact.resource
    return f"{kind} {fact.namespace}/{fact.name}" if fact.namespace else f"{kind} {fact.name}"
