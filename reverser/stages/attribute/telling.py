"""Which changes an audit event may be about, without weighing it: a key on both sides."""

from __future__ import annotations

from typing import TypeAlias

from reverser.model.change import Operation
from reverser.model.fact import Fact, Source
from reverser.model.subject import Subject

Key: TypeAlias = tuple[str, str, str]
"""(cluster, uid, version); the version of a deletion that left nothing is empty."""


def told(subject: Subject) -> Key:
    """The key of a change."""
    return subject.cluster, subject.uid, "" if subject.removed else subject.version


def telling(fact: Fact) -> list[Key]:
    """The keys of the changes that the fact may tell of; none for one that came before its change."""
    if fact.source is not Source.AUDIT:
        return []
    versions = {fact.version, ""} if fact.operation is Operation.DELETE else {fact.version}
    return [(fact.cluster, fact.uid, version) for version in sorted(versions)]
