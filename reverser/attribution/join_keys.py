"""Which changes an audit event may be about, without weighing it: a key on both sides."""

from __future__ import annotations

from typing import TypeAlias

from reverser.model.change import Operation
from reverser.model.fact import Fact, Source
from reverser.model.subject import Subject

Key: TypeAlias = tuple[str, str, str]
"""(cluster, uid, version); the version of a deletion is empty: a response need not carry it."""


def told(subject: Subject) -> Key:
    """The key of a change."""
    return subject.cluster, subject.uid, "" if subject.operation is Operation.DELETE else subject.version


def telling(fact: Fact) -> list[Key]:
    """The keys of the changes that the fact may tell of; none for one that came before its change.

    None either for a collection whose response was not recorded, since it may tell of any deletion, and for
    a gap, which only casts doubt.
    """
    if fact.source is not Source.AUDIT or fact.gap:
        return []
    if fact.collection:
        return [(fact.cluster, uid, "") for uid in sorted(fact.uids)]
    return [(fact.cluster, fact.uid, "" if fact.operation is Operation.DELETE else fact.version)]
