"""What speaks against a lone audited response: signs that somebody else wrote, whose event is not here.

Events can be lost, and a writer can see to it: Kubernetes has none of a server-side apply in YAML. Then the
response to a request that changed nothing stands alone. Two things tell:

- the managed fields: of the entries that the event before did not have, one must be the request's. Where
  there is none, or the event before is not known, nobody else may have a stamp of that time or a later
  one, and no apply may have given fields up;
- a gap: an event about the object that could not be read, or whose answer says nothing of what was stored.

A request that names the version that it met is above all that, and so is a creation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from reverser.model.change import Operation
from reverser.model.fact import Fact
from reverser.model.subject import Stamp, Subject
from reverser.stages.attribute.facts import Facts

GAP_SECONDS = 30.0
"""How long after its answer we may see what a request has stored."""
SKEW_SECONDS = 2.0
"""What the clocks of API servers, and ours, may differ by."""


def gaps_of(subject: Subject, facts: Facts) -> list[Fact]:
    """The gaps that may hide who made the change."""
    if subject.operation is Operation.CREATE:
        return []
    return [fact for fact in facts.gaps(subject.key) if _hides(subject, fact)]


def doubtful(subject: Subject, fact: Fact, gaps: Sequence[Fact]) -> bool:
    """Whether somebody else may have made the change, and the request only have found it."""
    if fact.operation is Operation.CREATE:
        return False
    return bool(gaps) or (subject.operation is Operation.UPDATE and _stamped_by_others(subject, fact))


def _hides(subject: Subject, gap: Fact) -> bool:
    if (gap.operation is Operation.DELETE) is not (subject.operation is Operation.DELETE):
        return False
    if not gap.at:
        return True
    answered = max(gap.at, gap.completed_at)
    return gap.at - SKEW_SECONDS <= subject.seen_at <= answered + GAP_SECONDS


def _stamped_by_others(subject: Subject, fact: Fact) -> bool:
    if fact.restamps:
        return False
    others = [stamp for stamp in subject.stamps if not _may_be(stamp, fact)]
    fresh = [stamp for stamp in subject.stamps if stamp.fresh]
    if fresh:
        return any(stamp.fresh for stamp in others)
    return subject.receded or any(stamp.at >= math.floor(fact.at) for stamp in others)


def _may_be(stamp: Stamp, fact: Fact) -> bool:
    """Whether the request would have left this stamp."""
    if fact.manager and fact.manager != stamp.manager:
        return False
    return stamp.subresource == fact.subresource and not (stamp.applied and fact.applied is False)
