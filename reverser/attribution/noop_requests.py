"""Who, of those with audited responses, may only have asked for what was there already.

The response to such a request carries the version that somebody else's write made, and when the
event of that write is lost, it is the only one. Audit alone cannot tell; admission can: it was asked
about a write on the version before, and about a repetition on the version that the write made. So
somebody with more responses than such repetitions has made the change, and all others are in doubt.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from reverser.attribution.fact_index import Facts
from reverser.model.change import Operation
from reverser.model.fact import Fact
from reverser.model.subject import Subject


def repeaters(subject: Subject, answered: Iterable[Fact], facts: Facts) -> frozenset[str]:
    """The names of those whose every audited response that carries the version may be to a repetition."""
    answers = Counter(fact.actor.name for fact in answered if fact.operation is subject.operation)
    met = facts.admitted(subject.cluster, subject.uid, subject.version)
    asked = Counter(fact.actor.name for fact in met if _repeats(subject, fact))
    return frozenset(name for name, count in asked.items() if count >= answers[name])


def wrote(fact: Fact) -> bool:
    """Whether the audited update names a version: `facts` refuses those whose response carries the same."""
    return fact.operation is Operation.UPDATE and bool(fact.previous_version)


def _repeats(subject: Subject, fact: Fact) -> bool:
    """Whether the request may ask for what the change has made; contents may not be comparable."""
    if fact.operation is not subject.operation:
        return False
    if fact.digest and subject.digest and fact.digest != subject.digest:
        return False
    return fact.replicas is None or fact.replicas == subject.replicas
