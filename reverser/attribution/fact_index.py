"""Indexes the facts of the last minutes by uid and version, which is what a change knows.

The index is bounded by count and by age since arrival; the oldest facts go first. Adding a fact twice
changes nothing, and the order of arrival does not matter. A fact that cannot have made a change is refused,
though the listeners drop most of them before: dry runs, failed requests, status writes, requests that
changed nothing, and facts without the key that would join them.

A key says which changes an audit event may be about: a change has one, a fact has one or several. Equal
keys mean only that the two may belong together; `resolve` decides whether they do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from reverser.model.attribution import Actor
from reverser.model.change import Operation
from reverser.model.fact import FACT_SECONDS, MOST_FACTS, Fact, Source
from reverser.model.observed_write import ObservedWrite
from reverser.model.resource import DEFINITIONS, NAMESPACES, NO_VERSION, ObjectKey, number

ACTORS = 1_000
BYTES_MOST = 128 * 1024 * 1024
FACT_BYTES = 1_000
"""Of one fact with its index keys, as measured with usual names, without uids and selectors."""
UID_BYTES = 100

IndexKey: TypeAlias = tuple[str, ...]


class Facts:
    """An index that forgets."""

    def __init__(
        self,
        count: int = MOST_FACTS,
        seconds: float = FACT_SECONDS,
        on_expired: Callable[[Fact], object] = lambda _: None,
    ) -> None:
        """`on_expired` is called with every fact that is dropped, for its age or for the count."""
        self._on_expired = on_expired
        self._count = count
        self._seconds = seconds
        self._actors: dict[Actor, Actor] = {}
        self._facts: dict[IndexKey, tuple[float, Fact]] = {}
        self._by_key: dict[IndexKey, list[Fact]] = defaultdict(list)
        self._bytes = 0
        self.expired = 0
        """Facts that grew too old, since the start."""
        self.evicted = 0
        """Facts that had to go because of the count, since the start."""
        self.refused = 0
        """Facts that cannot have made a change, since the start."""
        self.evicted_at: float = float("-inf")
        """The newest `at` of a fact that went because of the count: up to then rivals may be missing."""

    def __len__(self) -> int:
        return len(self._facts)

    def add(self, fact: Fact, now: float) -> bool:
        """Add a fact that arrived at `now`; whether it is new and may join something."""
        self.expire(now)
        if not admissible(fact):
            self.refused += 1
            return False
        identity = (fact.cluster, fact.identity)
        if identity in self._facts:
            return False
        fact = self._with_shared_actor(fact)
        self._facts[identity] = (now, fact)
        self._bytes += _size(fact)
        for key in _index_keys(fact):
            self._by_key[key].append(fact)
        while len(self._facts) > self._count or self._bytes > BYTES_MOST:
            self.evicted_at = max(self.evicted_at, self._drop_oldest().at)
            self.evicted += 1
        return True

    def expire(self, now: float) -> None:
        """Forget what arrived too long ago."""
        while self._facts:
            arrived, _ = next(iter(self._facts.values()))
            if arrived > now - self._seconds:
                return
            self._drop_oldest()
            self.expired += 1

    def forget(self, cluster: str, group: str, resource: str) -> None:
        """Drop the facts of one type: its versions are given to other contents from now on."""
        type_key = (cluster, group, resource)
        for key, (_, fact) in list(self._facts.items()):
            if (fact.cluster, fact.group, fact.resource) == type_key:
                self._drop(key)

    def admitted(self, cluster: str, uid: str, previous_version: str) -> Sequence[Fact]:
        """Admission facts whose request met this version; "" for the creation."""
        return self._by_key.get(("met", cluster, uid, previous_version), ())

    def admitted_all(self, cluster: str, uid: str) -> Sequence[Fact]:
        """Admission facts about the object on whatever version."""
        return self._by_key.get(("object", cluster, uid), ())

    def audited(self, cluster: str, uid: str, version: str) -> Sequence[Fact]:
        """Audit facts whose response carries this version."""
        return self._by_key.get(("made", cluster, uid, version), ())

    def deletions(self, cluster: str, uid: str) -> Sequence[Fact]:
        """Facts of either source about deleting the object."""
        return self._by_key.get(("deleted", cluster, uid), ())

    def namespace_deletions(self, cluster: str, name: str) -> Sequence[Fact]:
        """Facts of either source about deleting the namespace of this name."""
        return self._by_key.get(("namespace", cluster, name), ())

    def definition_deletions(self, cluster: str, name: str) -> Sequence[Fact]:
        """Admission facts about deleting the CustomResourceDefinition of this name."""
        return self._by_key.get(("definition", cluster, name), ())

    def gaps(self, key: ObjectKey) -> Sequence[Fact]:
        """Gaps about the object, or about its type in its namespace."""
        prefix = (key.cluster, key.group, key.resource, key.namespace)
        return [fact for name in (key.name, "") for fact in self._by_key.get(("gap", *prefix, name), ())]

    def collections(self, cluster: str, group: str, resource: str) -> Sequence[Fact]:
        """Audit facts about `deletecollection` of the type."""
        return self._by_key.get(("collection", cluster, group, resource), ())

    def export(self, current: Mapping[tuple[str, str], str]) -> list[Fact]:
        """The facts whose change has not been seen yet, which the journal stores over a restart.

        `current`: (cluster, uid) -> the version last seen. Facts about earlier versions must
        not survive: after a restart nothing else would tell that their change is long past.
        """
        return [fact for _, fact in self._facts.values() if _may_still_join(fact, current)]

    def seed(self, facts: Iterable[Fact], now: float) -> None:
        """Add the facts that the journal stored; their age counts from now."""
        for fact in facts:
            self.add(fact, now)

    def _with_shared_actor(self, fact: Fact) -> Fact:
        """The same fact, with one copy of each actor: users are few, and their groups many."""
        if len(self._actors) >= ACTORS:
            self._actors.clear()
        actor = self._actors.setdefault(fact.actor, fact.actor)
        return fact if actor is fact.actor else msgspec.structs.replace(fact, actor=actor)

    def _drop_oldest(self) -> Fact:
        return self._drop(next(iter(self._facts)))

    def _drop(self, identity: IndexKey) -> Fact:
        _, fact = self._facts.pop(identity)
        self._bytes -= _size(fact)
        for key in _index_keys(fact):
            remaining = self._by_key[key]
            remaining.remove(fact)
            if not remaining:
                del self._by_key[key]
        self._on_expired(fact)
        return fact


def admissible(fact: Fact) -> bool:
    """Whether the request can have made a change that can be told from all others.

    A dry run or a failed request stores nothing. An update whose body names the version that its
    response carries changed nothing. Without a uid, or an update without a version, a fact would
    have to be joined by name and time, which is a guess.
    """
    if fact.gap:
        return fact.source is Source.AUDIT
    if fact.dry_run or fact.code >= 300 or fact.subresource == "status":
        return False
    if fact.collection:
        return fact.source is Source.AUDIT and fact.operation is Operation.DELETE
    if not fact.uid:
        return False
    if fact.source is Source.ADMISSION:
        return fact.operation is Operation.CREATE or fact.previous_version not in NO_VERSION
    if fact.operation is Operation.DELETE:
        return True
    return fact.version not in NO_VERSION and fact.version != fact.previous_version


def _size(fact: Fact) -> int:
    return FACT_BYTES + UID_BYTES * (len(fact.uids) + len(fact.owners)) + len(fact.selector)


def _index_keys(fact: Fact) -> Iterable[IndexKey]:
    if fact.gap:
        yield "gap", fact.cluster, fact.group, fact.resource, fact.namespace, fact.name
        return
    if fact.collection:
        yield "collection", fact.cluster, fact.group, fact.resource
        return
    if fact.source is Source.ADMISSION:
        met = "" if fact.operation is Operation.CREATE else fact.previous_version
        yield "met", fact.cluster, fact.uid, met
        yield "object", fact.cluster, fact.uid
    elif fact.version not in NO_VERSION:
        yield "made", fact.cluster, fact.uid, fact.version
    if fact.operation is Operation.DELETE:
        yield "deleted", fact.cluster, fact.uid
        if (fact.group, fact.resource) == NAMESPACES:
            yield "namespace", fact.cluster, fact.name
        if (fact.group, fact.resource) == DEFINITIONS and fact.source is Source.ADMISSION:
            yield "definition", fact.cluster, fact.name


def _may_still_join(fact: Fact, current: Mapping[tuple[str, str], str]) -> bool:
    seen = current.get((fact.cluster, fact.uid))
    if seen is None or fact.collection or fact.gap:
        return True
    if fact.source is Source.ADMISSION:
        return fact.operation is not Operation.CREATE and not _may_be_older(fact.previous_version, seen)
    if fact.version in NO_VERSION:
        return True
    return fact.version != seen and not _may_be_older(fact.version, seen)


def _may_be_older(version: str, seen: str) -> bool:
    """Whether it may be older than what was seen; when they cannot be compared, it may."""
    mine, theirs = number(version), number(seen)
    return version != seen and (mine is None or theirs is None or mine < theirs)


JoinKey: TypeAlias = tuple[str, str, str]
"""(cluster, uid, version); the version of a deletion is empty: a response need not carry it."""


def keys_of_change(subject: ObservedWrite) -> JoinKey:
    """The key of a change."""
    return subject.cluster, subject.uid, "" if subject.operation is Operation.DELETE else subject.version


def keys_of_fact(fact: Fact) -> list[JoinKey]:
    """The keys of the changes that the fact may be about; none for a fact that came before its change.

    There are none for a collection whose response was not recorded either, since it may be about any
    deletion, and none for a gap, which only casts doubt.
    """
    if fact.source is not Source.AUDIT or fact.gap:
        return []
    if fact.collection:
        return [(fact.cluster, uid, "") for uid in sorted(fact.uids)]
    return [(fact.cluster, fact.uid, "" if fact.operation is Operation.DELETE else fact.version)]
