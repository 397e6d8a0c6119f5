"""Finds signs that somebody else wrote, when only one audited response carries a version.

Audit events can be lost, and a writer can cause that: Kubernetes writes none for a server-side apply in YAML.
Then the only event may be that of a request which changed nothing. Two things speak against such a request:

- the managed fields. Entries that the object did not have at the event before must be the request's. Where
  there are none, no apply may have given up fields, no other apply may have a stamp of that time or later,
  and nobody else an entry whose fields differ from before: a second write within a second leaves the stamp as
  it is. Where no entry has changed at all, or the event before is not known, nobody else may have a stamp of
  that time, and the request must have one: only who removes fields that others own leaves none. Where the
  managed fields of an object were wiped, nobody is certain;
- a gap: an event about the object that could not be read, or whose answer does not say what was stored.

Neither counts against a creation, nor against a request that names the version that it met.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from reverser.attribution.fact_index import Facts
from reverser.model.change import Operation
from reverser.model.fact import Fact
from reverser.model.observed_write import ObservedWrite, Stamp

GAP_SECONDS = 30.0
"""How long after its answer we may see what a request has stored."""
SKEW_SECONDS = 2.0
"""What the clocks of API servers, and ours, may differ by."""


class Signs(msgspec.Struct, frozen=True):
    """What the managed fields of an object say of its newest write; see the fields of ObservedWrite."""

    stamps: tuple[Stamp, ...]
    known_before: bool
    """Whether the event before is known, so that stamps are fresh or not."""
    restated: bool = False
    receded: bool = False
    created_at: float = 0.0


def gaps_of(subject: ObservedWrite, facts: Facts) -> list[Fact]:
    """The gaps that may hide who made the change."""
    if subject.operation is Operation.CREATE:
        return []
    return [fact for fact in facts.gaps(subject.key) if _hides(subject, fact)]


def doubtful(subject: ObservedWrite, fact: Fact, gaps: Sequence[Fact]) -> bool:
    """Whether somebody else may have made the change, and the request only have found it."""
    if fact.operation is Operation.CREATE:
        return False
    if gaps or subject.operation is not Operation.UPDATE:
        return bool(gaps)
    if subject.unstamped:
        return not fact.restamps
    known_before = bool(subject.previous_version)
    signs = Signs(subject.stamps, known_before, subject.restated, subject.receded, subject.created_at)
    return stamped_by_others(signs, fact)


def stamped_by_others(signs: Signs, fact: Fact) -> bool:
    """Whether the managed fields tell of another writer than the request, or of none where it would show."""
    if fact.restamps or not signs.stamps:
        return False
    fresh = [stamp for stamp in signs.stamps if stamp.fresh]
    if fresh:
        return not all(_may_be(stamp, fact) for stamp in fresh)
    of_its_time = [stamp for stamp in signs.stamps if stamp.at >= math.floor(fact.at)]
    others = [stamp for stamp in of_its_time if not _may_be(stamp, fact)]
    if signs.restated:
        # Whoever set a value that was his already has a stamp of that second. Who created the object has one
        # for that, and need not have a part in the change.
        possible = any(_may_be(stamp, fact) for stamp in signs.stamps if stamp in of_its_time or not stamp.at)
        late = any(stamp.applied or stamp.at > signs.created_at for stamp in others)
        return late or not possible or not of_its_time
    if not signs.known_before:
        return signs.receded or bool(others)
    return signs.receded or any(stamp.applied or stamp.touched for stamp in others)


def _hides(subject: ObservedWrite, gap: Fact) -> bool:
    if (gap.operation is Operation.DELETE) is not (subject.operation is Operation.DELETE):
        return False
    if not gap.at:
        return True
    answered = max(gap.at, gap.completed_at)
    return gap.at - SKEW_SECONDS <= subject.seen_at <= answered + GAP_SECONDS


def _may_be(stamp: Stamp, fact: Fact) -> bool:
    """Whether the request would have left this stamp."""
    if fact.manager and fact.manager != stamp.manager:
        return False
    return stamp.subresource == fact.subresource and not (stamp.applied and fact.applied is False)
