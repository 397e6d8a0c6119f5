"""Turns the writes of an audit log into journal entries.

It works like the intake: one look-up of the records, one decision for each write, one durable append for
each batch. The append also stores the newest write of each object and how far each log has been read, so
that a second run neither doubles nor loses a write.

Before Kubernetes removes a namespace, it empties it: the objects still known in it are deleted then, too.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from reverser.errors import WithheldError
from reverser.health import Health
from reverser.intake.append_builder import AppendBuilder
from reverser.intake.decision_state import DecisionState
from reverser.intake.route import Route, RouteTable
from reverser.journal.retrying import RetryingJournal
from reverser.model.attribution import UNKNOWN, Attribution, Evidence
from reverser.model.change import Change, Operation
from reverser.model.entry import ANY, Along, Decision, Encrypter, Entry, encrypted, withhold
from reverser.model.journal import Journal
from reverser.model.resource import ObjectKey
from reverser.replay.absent_paths import PREFIX as PATHS_PREFIX
from reverser.replay.absent_paths import AbsentPaths
from reverser.replay.known_writes import (
    NewestWrite,
    after,
    known,
    later,
    object_id,
    object_id_of,
    parse_trailer,
    trailer,
)
from reverser.replay.missing_writes import by_others, marks
from reverser.replay.reconstruct import UnknownState, changed
from reverser.replay.resource_types import LoggedTypes
from reverser.replay.write import EmptiedNamespace, Form, Gap, LogRecord, Write
from reverser.unexpected_errors import left_out

SEEN = "seen/"
"""Prefix of the journal's facts on objects."""
MOST_OTHERS = 16
MOST_GAPS = 10_000
"""(reason, type, namespace) that are counted apart; beyond these gaps are counted by reason alone."""
FIRST = "First seen in the audit log; it was there before."


class Replay:
    """Decides the writes of one cluster for one destination, in their order."""

    def __init__(
        self,
        cluster: str,
        route: Route,
        types: LoggedTypes,
        journal: Journal,
        health: Health,
        encrypter: Encrypter | None = None,
    ) -> None:
        self._encrypter = encrypter
        self._cluster = cluster
        self._route = route
        self._types = types
        self._name = route.destination.name
        self._journal = RetryingJournal(journal, health)
        self._raw = journal
        self._seen: dict[str, NewestWrite] = {}
        self._facts: dict[str, str] = {}
        self._state = DecisionState(self._journal, RouteTable({cluster: [route]}))
        self._keys: defaultdict[str, set[ObjectKey]] = defaultdict(set)
        """Namespace -> objects that have a file."""
        self._doubted: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        """(namespace, type) -> who may have deleted any of these objects since one of them was written."""
        self.absent = AbsentPaths(route.policy.sensitive)
        """Paths of `[[sensitive]]` that no object has."""
        self.results: Counter[str] = Counter()
        """Result -> how many writes."""
        self.gaps: Counter[tuple[str, str, str]] = Counter()
        """(why, type, namespace) -> how many writes could not be replayed."""

    async def open(self, trailers: Sequence[str]) -> None:
        """Load the newest writes from the journal and from the branch's trailers, oldest first."""
        for name, text in (await self._raw.get_settings(SEEN)).items():
            with left_out("journal", name):
                self._seen[name.removeprefix(SEEN)] = msgspec.json.decode(text, type=NewestWrite)
        self.absent.seed(await self._raw.get_settings(PATHS_PREFIX))
        for name, _, in_branch in filter(None, map(parse_trailer, trailers)):
            newest = later(self._seen.get(name), in_branch)
            if newest != self._seen.get(name):
                self._remember(name, newest)
        await self._state.recall_withheld()
        async for records in self._state.recall(self._name):
            for record in records:
                self._keys[record.key.namespace].add(record.key)

    async def take(self, writes: Sequence[LogRecord], positions: Mapping[str, str]) -> None:
        """Journal a batch, and the positions up to which each log is in the journal with it."""
        begun: list[Write | Gap] = []
        for write in writes:
            if isinstance(write, EmptiedNamespace):
                await self._journal_batch(begun, {})
                begun = [*self._deletions(write)]
            else:
                begun.append(write)
        await self._journal_batch(begun, positions)

    async def _journal_batch(self, writes: Sequence[Write | Gap], positions: Mapping[str, str]) -> None:
        fresh = [write for write in writes if not known(self._seen.get(object_id_of(write)), write)]
        batch = await self._state.append_builder((self._name, self._key(write)) for write in fresh)
        for write in writes:
            if known(self._seen.get(object_id_of(write)), write):
                self.results["known"] += 1
            elif isinstance(write, Gap):
                self._gap(write, write.reason, write.user, batch)
            else:
                await self._write(write, batch)
        batch.settings, self._facts = {**self._facts, **self.absent.facts(), **positions}, {}
        await self._state.append(batch, time.time())

    async def _write(self, write: Write, batch: AppendBuilder) -> None:
        key = self._key(write)
        record = batch.record(self._name, key)
        change = changed(write, record, self._route, self._types, self._cluster)
        if isinstance(change, UnknownState):
            self._gap(write, change.reason, write.attribution.actor.name, batch)
            return
        if self.absent and not change.deleted:
            with left_out("sensitive paths", key):
                self.absent.note(change.stream.type, change.object, whole=write.form is Form.WHOLE)
        self._state.scaled.note(change)
        scaled = self._state.scaled.scales(change)
        decision = await self._encrypted(key, self._state.decide(self._route, change, record, scaled=scaled))
        self.results[decision.result] += 1
        if decision.result in ("unselected", "excluded"):
            if decision.record is not None:
                batch.add(self._name, key, decision)
            return
        where = object_id_of(write)
        if decision.entry is not None:
            entry = self._with_author(
                decision.entry, write, change, self._seen.get(where), first=record is None
            )
            decision = msgspec.structs.replace(decision, entry=entry)
        batch.add(self._name, key, decision)
        keys = self._keys[key.namespace]
        (keys.discard if write.form is Form.REMOVED else keys.add)(key)
        self._doubted.pop((key.namespace, key.type_name), None)
        self._doubted.pop(("", key.type_name), None)
        former = self._seen.get(where)
        stamp_marks = marks(write, former.marks if former else ())
        self._remember(where, msgspec.structs.replace(after(former, write), marks=stamp_marks))

    def _deletions(self, emptied: EmptiedNamespace) -> Iterator[Write]:
        """The deletions of what is known in a namespace of which nothing is left."""
        for key in sorted(self._keys.pop(emptied.namespace, ()), key=str):
            seen = self._seen.get(object_id(key.namespace, key.type_name, key.name))
            if seen is None or seen.removed or seen.at >= emptied.at:
                continue
            yield Write(
                type=self._types.type(key.group, key.resource, "", "", namespaced=True),
                namespace=key.namespace,
                name=key.name,
                operation=Operation.DELETE,
                form=Form.REMOVED,
                at=emptied.at,
                uid=seen.uid,
                attribution=emptied.attribution,
                audit_id=emptied.audit_id,
                presumed=True,
            )

    async def _encrypted(self, key: ObjectKey, decision: Decision) -> Decision:
        """With the values encrypted where they are to be. A program that does not work ends the replay."""
        if decision.clear is None or self._encrypter is None:
            return decision
        try:
            return encrypted(decision, await self._encrypter.encrypt(decision.clear), self._raw.key)
        except WithheldError as error:
            return withhold(self._name, key, error, time.time())

    def _with_author(
        self, entry: Entry, write: Write, change: Change, seen: NewestWrite | None, *, first: bool
    ) -> Entry:
        attribution = write.attribution
        others = {*(seen.others if seen else ())} - {attribution.actor.name}
        if others and (write.form is Form.WHOLE or write.presumed):
            attribution = _ambiguous(attribution, others)
        elif by_others(write, seen.marks if seen else ()):
            attribution = _ambiguous(attribution, set())
        before = first and write.operation is not Operation.CREATE and (seen is None or not seen.removed)
        return msgspec.structs.replace(
            entry,
            changed_at=change.seen_at,
            changes=(FIRST,) if before else entry.changes,
            along=(Along(ANY),) if before else entry.along,
            attribution=attribution,
            audit=trailer(write, entry.kind, self._route.destination.path.strip("/")),
        )

    def _gap(self, write: Write | Gap, reason: str, user: str, batch: AppendBuilder) -> None:
        """This user changed the object in a way that is not known: the next author is not blamed for it."""
        self.results["gap"] += 1
        self._count(reason, write)
        if isinstance(write, Gap) and write.collection:
            doubted = self._doubted[write.namespace, write.type.name]
            if user in doubted:  # a controller that tries again and again
                return
            doubted.add(user)
            concerned = [
                object_id(key.namespace, key.type_name, key.name) for key in self._possibly_deleted(write)
            ]
        else:
            concerned = (
                [object_id_of(write)] if batch.record(self._name, self._key(write)) is not None else []
            )
        for where in concerned:
            seen = self._seen.get(where)
            if seen is not None and not seen.removed and seen.at < write.at and user not in seen.others:
                others = tuple(sorted({*seen.others, user}))[:MOST_OTHERS]
                self._remember(where, msgspec.structs.replace(seen, others=others))

    def _possibly_deleted(self, gap: Gap) -> Iterator[ObjectKey]:
        """The objects of which a deletion of a collection may have deleted some."""
        everywhere = self._keys.values() if not gap.namespace else [self._keys.get(gap.namespace, set())]
        for keys in everywhere:
            yield from (key for key in keys if key.type_name == gap.type.name)

    def _count(self, reason: str, write: Write | Gap) -> None:
        where = (reason, write.type.name, write.namespace)
        self.gaps[where if where in self.gaps or len(self.gaps) < MOST_GAPS else (reason, "", "")] += 1

    def _remember(self, name: str, seen: NewestWrite) -> None:
        self._seen[name] = seen
        self._facts[SEEN + name] = msgspec.json.encode(seen).decode()

    def _key(self, write: Write | Gap) -> ObjectKey:
        return ObjectKey(self._cluster, write.type.group, write.type.resource, write.namespace, write.name)


def _ambiguous(attribution: Attribution, others: set[str]) -> Attribution:
    candidates = tuple(sorted({*others, attribution.actor.name}))
    return Attribution(UNKNOWN, Evidence.AMBIGUOUS, attribution.manager, candidates=candidates)
