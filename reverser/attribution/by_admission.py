"""Joins admission facts to a change: by uid, the version before, and the digest of the content.

The versions of one object form a chain, and exactly one write leads from one version to the next. The API
server calls us before it stores, and stores only if the version it showed us is still the current one. So
the request that made the change is among those that met the version before it. An attempt that lost met that
version too, but carried its own content, and comes again with the version that beat it. What remains beside
the writer is a lost or later rejected attempt with the same content on the same version: a rival, and the
change is `ambiguous`.

Two kinds of writes call no webhook, so that a rejected attempt may stand alone. A status write can change
labels or annotations: its entry in managedFields rules the attempt out. The removal of a CRD removes its
objects: whoever asked to delete the CRD is a rival of whoever asked to delete one of them.

A fact can be missing, since a call that times out lets the write go on. Then `admission` is still true (this
actor asked for exactly this content), while `admission-key`, which compares no content, is weaker evidence
and has a name of its own.

A rival needs little proof and an author much: a fact that is too weak to name its actor is still strong
enough to make the change ambiguous.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Sequence

import msgspec

from reverser.attribution.fact_index import Facts
from reverser.model.change import Operation
from reverser.model.fact import Fact
from reverser.model.observed_write import ObservedWrite
from reverser.model.resource import NO_VERSION, number

REQUEST_SECONDS = 60.0
"""The longest time from our call to the stored write: the API server's own limit for a request."""


Weighed = tuple["Weight", Fact]


class Weight(enum.IntEnum):
    """What one fact means for one change."""

    RULED_OUT = 0
    RIVAL = 1
    """May have made the change, but names nobody."""
    FITS = 2
    """Met the right version; the content could not be compared."""
    PROVES = 3


class Support(msgspec.Struct, frozen=True):
    """The facts of one kind of evidence that the change leaves possible."""

    names: frozenset[str] = frozenset()
    """The actors behind them."""
    weight: Weight = Weight.RULED_OUT
    """The strongest of them."""
    fact: Fact | None = None
    """The strongest of them, the same one in whatever order they came."""

    @property
    def unique(self) -> bool:
        """Whether the evidence names exactly one actor."""
        return len(self.names) == 1 and self.weight > Weight.RIVAL

    @property
    def ambiguous(self) -> bool:
        """Whether several actors are left, one of whom would be named if the others were not there."""
        return len(self.names) > 1 and self.weight > Weight.RIVAL


def support(weighed: Iterable[Weighed]) -> Support:
    """The possible facts together. Users differ by name alone, as in Kubernetes."""
    possible = [(weight, fact) for weight, fact in weighed if weight > Weight.RULED_OUT]
    if not possible:
        return Support()
    weight, fact = max(possible, key=lambda each: (each[0], -each[1].at, each[1].id))
    return Support(frozenset(fact.actor.name for _, fact in possible), weight, fact)


def admitted(subject: ObservedWrite, facts: Facts) -> Support:
    """The actors whose admitted request can have made the change.

    A creation needs no version: its uid was made for that one request. Without the version before,
    see `_weigh_without_version`.
    """
    if subject.operation is Operation.CREATE:
        return support(_weigh_requests(subject, "", facts))
    if subject.previous_version in NO_VERSION:
        return support([*_weigh_without_version(subject, facts), *_definition_rivals(subject, facts)])
    weighed = [
        *_weigh_requests(subject, subject.previous_version, facts),
        *_definition_rivals(subject, facts),
    ]
    if facts.evicted_at > subject.seen_at - REQUEST_SECONDS:
        weighed = [(_weakened(weight), fact) for weight, fact in weighed]
    return support(weighed)


def weigh(subject: ObservedWrite, fact: Fact) -> Weight:
    """What a fact that met the version before the change says about it.

    A deletion has no content to compare: uid and version are all of it. Contents that both sides
    can compare decide alone. A Scale body says one number, so it names its actor only when that
    number is the whole change.
    """
    if fact.operation is not subject.operation or other_stamp(subject, fact):
        return Weight.RULED_OUT
    if fact.operation is Operation.DELETE:
        return Weight.PROVES
    if fact.digest and subject.digest:
        return Weight.PROVES if fact.digest == subject.digest else Weight.RULED_OUT
    weight = Weight.FITS if fact.replicas is None else _weigh_scale(subject, fact.replicas)
    return _weakened(weight) if subject.status_written else weight


def other_stamp(subject: ObservedWrite, fact: Fact) -> bool:
    """Whether the change bears the stamp of another field manager or subresource than the request's.

    Only when the stamp is of this very write (`written_at`) does it say through what was written.
    """
    if subject.operation is Operation.DELETE or not subject.written_at or fact.restamps:
        return False
    if subject.subresource is not None and subject.subresource != fact.subresource:
        return True
    return bool(fact.manager and subject.manager) and fact.manager != subject.manager


def _weigh_requests(subject: ObservedWrite, version: str, facts: Facts) -> list[Weighed]:
    requests = facts.admitted(subject.cluster, subject.uid, version)
    return [(weigh(subject, fact), fact) for fact in requests]


def _definition_rivals(subject: ObservedWrite, facts: Facts) -> Iterable[Weighed]:
    """Who asked, before the change, to delete the CRD of the object: they removed it, or were refused."""
    if subject.operation is not Operation.DELETE:
        return []
    deletions = facts.definition_deletions(subject.cluster, f"{subject.key.resource}.{subject.key.group}")
    return [(Weight.RIVAL, fact) for fact in deletions if fact.at <= subject.seen_at]


def _weigh_scale(subject: ObservedWrite, replicas: int) -> Weight:
    if subject.replicas_only is False:
        return Weight.RULED_OUT
    if subject.replicas is None:
        return Weight.RIVAL
    if replicas != subject.replicas or replicas == subject.replicas_before:
        return Weight.RULED_OUT
    known = subject.replicas_only and subject.replicas_before is not None
    return Weight.FITS if known else Weight.RIVAL


def _weigh_without_version(subject: ObservedWrite, facts: Facts) -> Iterable[Weighed]:
    """The change is the first event of its object since a restart; the version before is not known.

    Still certain: no version lies between the one before and this one. Facts that outlived the
    restart met the version last seen or a later one (`Facts.export`), and facts since then met what
    was current then. So of the versions that facts met, one below this change's is the one before
    it, if several are the highest. Versions that are no numbers cannot be put in order and join
    nothing. An attempt on an overtaken version that reaches us only after the restart is the reason
    for asking more: the content must be equal, so that nothing rests on the version alone.
    """
    upper = number(subject.version)
    known = [(number(fact.previous_version), fact) for fact in _requests_on_versions(subject, facts)]
    if upper is None or any(met is None for met, _ in known):
        return []
    below = [(met, fact) for met, fact in known if met is not None and met < upper]
    last = max((met for met, _ in below), default=0)
    return [(_weakened(weigh(subject, fact)), fact) for met, fact in below if met == last]


def _requests_on_versions(subject: ObservedWrite, facts: Facts) -> Sequence[Fact]:
    requests = facts.admitted_all(subject.cluster, subject.uid)
    return [fact for fact in requests if fact.operation is not Operation.CREATE]


def _weakened(weight: Weight) -> Weight:
    """Rivals may be missing: what rests on the key alone names nobody any more."""
    return Weight.RIVAL if weight is Weight.FITS else weight
