"""Admission facts joined to a change: uid, the version before, and the digest of the content.

Why the join names nobody wrongly. Versions of one object form a chain, and exactly one write
leads from one version to the next. The API server asks us before it stores, and stores only if the
version it showed us is still the current one. So the request that made the change is among those
that met the version before it; an attempt that lost met that version too, but asked for its own
content, and is asked again with the version that beat it. What is left is a losing or later
rejected attempt for the very same content on the very same version: a rival, and `ambiguous`.

Two kinds of writes ask nobody, so that a rejected attempt may stand alone. A status write can change
labels or annotations: its stamp tells. The removal of a CRD removes its objects: whoever asked for
that is a rival of who asked to delete one of them.

What the facts cannot tell is that one of them never came (the call timed out, and the server goes
on without us). Then `admission` still says truly who asked for exactly this change, while
`admission-key` knows less, which is why it is a word of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reverser.attribution.candidates import Support, Weighed, Weight, support
from reverser.attribution.fact_index import Facts
from reverser.model.change import Operation
from reverser.model.fact import Fact
from reverser.model.observed_write import ObservedWrite
from reverser.model.resource import NO_VERSION, number

REQUEST_SECONDS = 60.0
"""The longest time from our call to the stored write: the API server's own limit for a request."""


def admitted(subject: ObservedWrite, facts: Facts) -> Support:
    """The actors whose admitted request can have made the change.

    A creation needs no version: its uid was made for that one request. Without the version before,
    see `_unversioned`.
    """
    if subject.operation is Operation.CREATE:
        return support(_met(subject, "", facts))
    if subject.previous_version in NO_VERSION:
        return support([*_unversioned(subject, facts), *_definition(subject, facts)])
    weighed = [*_met(subject, subject.previous_version, facts), *_definition(subject, facts)]
    if facts.evicted_at > subject.seen_at - REQUEST_SECONDS:
        weighed = [(_doubted(weight), fact) for weight, fact in weighed]
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
    weight = Weight.FITS if fact.replicas is None else _scale(subject, fact.replicas)
    return _doubted(weight) if subject.status_written else weight


def other_stamp(subject: ObservedWrite, fact: Fact) -> bool:
    """Whether the change bears the stamp of another field manager or subresource than the request's.

    Only when the stamp is of this very write (`written_at`) does it say through what was written.
    """
    if subject.operation is Operation.DELETE or not subject.written_at or fact.restamps:
        return False
    if subject.subresource is not None and subject.subresource != fact.subresource:
        return True
    return bool(fact.manager and subject.manager) and fact.manager != subject.manager


def _met(subject: ObservedWrite, version: str, facts: Facts) -> list[Weighed]:
    requests = facts.admitted(subject.cluster, subject.uid, version)
    return [(weigh(subject, fact), fact) for fact in requests]


def _definition(subject: ObservedWrite, facts: Facts) -> Iterable[Weighed]:
    """Who asked, before the change, to delete the CRD of the object: they removed it, or were refused."""
    if subject.operation is not Operation.DELETE:
        return []
    deletions = facts.definition_deletions(subject.cluster, f"{subject.key.resource}.{subject.key.group}")
    return [(Weight.RIVAL, fact) for fact in deletions if fact.at <= subject.seen_at]


def _scale(subject: ObservedWrite, replicas: int) -> Weight:
    if subject.replicas_only is False:
        return Weight.RULED_OUT
    if subject.replicas is None:
        return Weight.RIVAL
    if replicas != subject.replicas or replicas == subject.replicas_before:
        return Weight.RULED_OUT
    known = subject.replicas_only and subject.replicas_before is not None
    return Weight.FITS if known else Weight.RIVAL


def _unversioned(subject: ObservedWrite, facts: Facts) -> Iterable[Weighed]:
    """The change is the first event of its object since a restart; the version before is not known.

    Still certain: no version lies between the one before and this one. Facts that outlived the
    restart met the version last seen or a later one (`Facts.export`), and facts since then met what
    was current then. So of the versions that facts met, one below this change's is the one before
    it, if several are the highest. Versions that are no numbers cannot be put in order and join
    nothing. An attempt on an overtaken version that reaches us only after the restart is the reason
    for asking more: the content must be equal, so that nothing rests on the version alone.
    """
    upper = number(subject.version)
    known = [(number(fact.previous_version), fact) for fact in _versioned(subject, facts)]
    if upper is None or any(met is None for met, _ in known):
        return []
    below = [(met, fact) for met, fact in known if met is not None and met < upper]
    last = max((met for met, _ in below), default=0)
    return [(_doubted(weigh(subject, fact)), fact) for met, fact in below if met == last]


def _versioned(subject: ObservedWrite, facts: Facts) -> Sequence[Fact]:
    requests = facts.admitted_all(subject.cluster, subject.uid)
    return [fact for fact in requests if fact.operation is not Operation.CREATE]


def _doubted(weight: Weight) -> Weight:
    """Rivals may be missing: what rests on the key alone names nobody any more."""
    return Weight.RIVAL if weight is Weight.FITS else weight
