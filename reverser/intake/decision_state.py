"""The state that decisions share, beside the record of each object.

It holds autoscalers, paths that are taken and objects that are withheld. It is read from the journal when an
intake starts, because a stream that resumes lists nothing.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Iterable, Sequence

from reverser.errors import WithheldError
from reverser.health import Health
from reverser.intake.append_builder import AppendBuilder, WithheldObjects
from reverser.intake.decide import decide
from reverser.intake.hpa_targets import RESOURCE, AutoscalerIndex
from reverser.intake.listing import Listing
from reverser.intake.path_owners import PathOwners
from reverser.intake.route import Route, RouteTable
from reverser.intake.secret_warnings import SecretWarnings
from reverser.intake.unmatched_paths import SETTING as UNMATCHED_PATHS
from reverser.intake.unmatched_paths import UnmatchedPaths
from reverser.intake.worker_thread import WorkerThread, called_back
from reverser.journal.retrying import RetryingJournal
from reverser.model.change import Change, Stream
from reverser.model.condition import Withheld
from reverser.model.entry import Decision, Entry, Record, RecordKey, Staged, withhold
from reverser.model.journal import UnstorableError
from reverser.model.resource import ObjectKey
from reverser.model.rule import SensitiveRule
from reverser.unexpected_errors import BUG, contained, left_out

UNREADABLE = WithheldError("Unreadable", "the API server's answer about it cannot be decoded")
RECALLED_AT_ONCE = 1000


class DecisionState:
    """Autoscalers' targets, paths that are taken, and objects that are withheld."""

    def __init__(
        self,
        journal: RetryingJournal,
        routes: RouteTable,
        secret_warnings: SecretWarnings | None = None,
        health: Health | None = None,
    ) -> None:
        """Without `health` nobody is told of paths that no object has."""
        self._unmatched_paths = None if health is None else UnmatchedPaths(_hidden(routes), health)
        self._journal = journal
        self._secret_warnings = secret_warnings
        self._claims = {
            route.destination.name: PathOwners() for route in routes if route.hooks.foreign_layout
        }
        self.worker_thread = WorkerThread()
        """Where large objects are looked at."""
        self.scaled = AutoscalerIndex()
        """What autoscalers scale."""
        self.withheld_objects = WithheldObjects()
        """What is withheld."""

    def adopt(self, routes: RouteTable, changed: Collection[str]) -> None:
        """Other routes are in force; `changed` destinations are to be recalled."""
        if self._unmatched_paths is not None:
            self._unmatched_paths.adopt(_hidden(routes))
        names = {route.destination.name for route in routes if route.hooks.foreign_layout}
        self._claims = {
            name: PathOwners() if name in changed else self._claims.get(name, PathOwners()) for name in names
        }

    async def recall_withheld(self) -> None:
        """Take over what the journal shows as withheld, by the writers too."""
        self.withheld_objects.seed(await self._journal.withheld())

    async def recall(self, destination: str) -> AsyncGenerator[list[Record], None]:
        """Take over what the records of a destination tell; without their contents, part by part."""
        last: ObjectKey | None = None
        while records := await self._journal.some_records(destination, last, RECALLED_AT_ONCE):
            last = records[-1].key
            await self._recall(destination, records)
            yield records

    async def _recall(self, destination: str, records: Sequence[Record]) -> None:
        if destination in self._claims:
            for record in records:
                with left_out("claims", record.key):
                    self._claims[destination].seed(record)
        scaling = await self._journal.known(
            (destination, record.key) for record in records if record.key.resource == RESOURCE
        )
        self.scaled.seed(scaling.values())

    async def decided(
        self,
        route: Route,
        change: Change,
        record: Record | None,
        *,
        scaled: bool,
        ahead: Decision | None = None,
    ) -> Decision:
        """`decide`, in a thread for what is large. `ahead`: what was decided about it elsewhere."""
        if ahead is not None:
            return self.decide(route, change, record, scaled=scaled, ahead=ahead)
        size = change.size + (0 if record is None else len(record.content))
        route = called_back(route, change.stream.type, size)
        return await self.worker_thread.run(size, self.decide, route, change, record, scaled=scaled)

    def decide(
        self,
        route: Route,
        change: Change,
        record: Record | None,
        *,
        scaled: bool,
        ahead: Decision | None = None,
    ) -> Decision:
        """The decision about a change; `record` is what the journal knows of the object."""
        name = route.destination.name
        if self._unmatched_paths:
            with left_out("sensitive paths", change.key):
                self._unmatched_paths.note(change)
        if change.unreadable and not change.deleted:
            return withhold(name, change.key, UNREADABLE, change.seen_at)
        try:
            with contained("decide", change.key):
                decision = ahead or decide(route, change, record, scaled=scaled)
                claims = self._claims.get(name)
                return decision if claims is None else claims.resolve(change, decision)
        except WithheldError as error:
            return withhold(name, change.key, error, change.seen_at)

    async def recall_unmatched_paths(self) -> None:
        """Read which paths no object had, as far as an earlier intake could tell."""
        if self._unmatched_paths is not None:
            self._unmatched_paths.seed(await self._journal.get_settings(UNMATCHED_PATHS))

    def unwanted(self, stream: Stream) -> None:
        """The stream ends: what was told of its type is void."""
        if self._unmatched_paths:
            self._unmatched_paths.forget(stream)

    def unmet(self, stream: Stream) -> dict[str, str]:
        """A list is complete: facts on the paths that none of its objects has."""
        return self._unmatched_paths.listed(stream) if self._unmatched_paths else {}

    def listed(self, stream: Stream, listing: Listing) -> None:
        """A list is complete: take over what it tells, and what was staged of it."""
        self.scaled.listed(stream, listing.misses)
        for record_key in [record_key for record_key in self.withheld_objects if listing.staged(record_key)]:
            self.withheld_objects.end(record_key)
        if self._secret_warnings is not None:
            for record_key in {*self._secret_warnings.record_keys, *listing.suspicions}:
                if listing.staged(record_key):
                    self._secret_warnings.note(record_key, listing.suspicions.get(record_key, ()))

    def removed(self, destination: str, key: ObjectKey) -> None:
        """The object has no file any more: its path is free, and nothing is left to be told of it."""
        if destination in self._claims:
            self._claims[destination].release(key)
        self.withheld_objects.end((destination, key))
        if self._secret_warnings is not None:
            self._secret_warnings.note((destination, key), ())

    async def append_builder(self, places: Iterable[RecordKey]) -> AppendBuilder:
        """An append about these objects, with what the journal knows of them."""
        return AppendBuilder(await self._journal.known(places), self.withheld_objects, self._secret_warnings)

    async def stage(self, listing: str, staged: Staged, now: float) -> list[Withheld]:
        """Stage what a list has brought; returns the objects whose rows cannot be stored."""
        withheld: list[Withheld] = []
        while True:
            try:
                await self._journal.stage(listing, staged)
            except UnstorableError as error:
                rest = [each for each in staged.outcomes if (each.destination, each.key) not in error.reasons]
                staged = Staged(staged.void, tuple(rest))
                withheld += _unstorable(error, now)
            else:
                return withheld

    async def append(self, builder: AppendBuilder, now: float) -> list[Entry]:
        """Append what the builder holds. Objects whose rows cannot be stored are withheld."""
        if self._unmatched_paths:
            builder.settings |= self._unmatched_paths.show()
        if builder.empty:
            return []
        while True:
            try:
                return await self._journal.append(builder.build())
            except UnstorableError as error:
                for row in _unstorable(error, now):
                    builder.withhold(row)


def _hidden(routes: RouteTable) -> tuple[SensitiveRule, ...]:
    """The rules of `[[sensitive]]`, which are the same for all routes."""
    return next((route.policy.sensitive for route in routes), ())


def _unstorable(error: UnstorableError, now: float) -> list[Withheld]:
    return [Withheld(name, key, BUG, why, now) for (name, key), why in error.reasons.items()]
