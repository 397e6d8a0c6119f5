"""The state that decisions share, beside the record of each object.

It holds autoscalers, paths that are taken and objects that are withheld. It is read from the journal when an
intake starts, because a stream that resumes lists nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence

from reverser.errors import WithheldError
from reverser.health import Health
from reverser.intake.append_builder import AppendBuilder, Withholding
from reverser.intake.decide import decide
from reverser.intake.hpa_targets import RESOURCE, AutoscalerIndex
from reverser.intake.listing import Listing
from reverser.intake.path_owners import PathOwners
from reverser.intake.route import Route
from reverser.intake.secret_warnings import Suspects
from reverser.intake.unmatched_paths import FACT as UNMET
from reverser.intake.unmatched_paths import Unmet
from reverser.intake.worker_thread import Aside, called_back
from reverser.journal.retrying import RetryingJournal
from reverser.model.change import Change, Stream
from reverser.model.decision import Decision, withhold
from reverser.model.entry import Entry, Record, RecordKey, Staged
from reverser.model.journal import UnstorableError
from reverser.model.resource import ObjectKey
from reverser.model.withheld import Withheld
from reverser.unexpected_errors import BUG, contained, left_out

UNREADABLE = WithheldError("Unreadable", "the API server's answer about it cannot be decoded")
RECALLED_AT_ONCE = 1000


class DecisionState:
    """Autoscalers' targets, paths that are taken, and objects that are withheld."""

    def __init__(
        self,
        journal: RetryingJournal,
        routes: Iterable[Route],
        suspects: Suspects | None = None,
        health: Health | None = None,
    ) -> None:
        """Without `health` nobody is told of paths that no object has."""
        routes = [*routes]
        hidden = routes[0].policy.sensitive if routes else ()
        self._unmet = None if health is None else Unmet(hidden, health)
        self._journal = journal
        self._suspects = suspects
        self._claims = {
            route.destination.name: PathOwners() for route in routes if route.hooks.foreign_layout
        }
        self.aside = Aside()
        """Where large objects are looked at."""
        self.scaled = AutoscalerIndex()
        """What autoscalers scale."""
        self.withholding = Withholding()
        """What is withheld."""

    async def recall_withheld(self) -> None:
        """Take over what the journal shows as withheld, by the writers too."""
        self.withholding.seed(await self._journal.withheld())

    async def recall(self, destination: str) -> AsyncIterator[list[Record]]:
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
        return await self.aside.run(size, self.decide, route, change, record, scaled=scaled)

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
        if self._unmet:
            with left_out("sensitive paths", change.key):
                self._unmet.note(change)
        if change.unreadable and not change.deleted:
            return withhold(name, change.key, UNREADABLE, change.seen_at)
        try:
            with contained("decide", change.key):
                decision = ahead or decide(route, change, record, scaled=scaled)
                claims = self._claims.get(name)
                return decision if claims is None else claims.settled(change, decision)
        except WithheldError as error:
            return withhold(name, change.key, error, change.seen_at)

    async def recall_told(self) -> None:
        """Read what an earlier intake reported: withheld objects, and paths that no object had."""
        await self.recall_withheld()
        if self._unmet is not None:
            self._unmet.seed(await self._journal.get_settings(UNMET))

    def unwanted(self, stream: Stream) -> None:
        """The stream ends: what was told of its type is void."""
        if self._unmet:
            self._unmet.forget(stream)

    def unmet(self, stream: Stream) -> dict[str, str]:
        """A list is complete: facts on the paths that none of its objects has."""
        return self._unmet.listed(stream) if self._unmet else {}

    def listed(self, stream: Stream, listing: Listing) -> None:
        """A list is complete: take over what it tells, and what was staged of it."""
        self.scaled.listed(stream, listing.misses)
        for place in [place for place in self.withholding if listing.staged(place)]:
            self.withholding.end(place)
        if self._suspects is not None:
            for place in {*self._suspects.places, *listing.suspicions}:
                if listing.staged(place):
                    self._suspects.note(place, listing.suspicions.get(place, ()))

    def removed(self, destination: str, key: ObjectKey) -> None:
        """The object has no file any more: its path is free, and nothing is left to be told of it."""
        if destination in self._claims:
            self._claims[destination].release(key)
        self.withholding.end((destination, key))
        if self._suspects is not None:
            self._suspects.note((destination, key), ())

    async def draft(self, places: Iterable[RecordKey]) -> AppendBuilder:
        """An append about these objects, with what the journal knows of them."""
        return AppendBuilder(await self._journal.known(places), self.withholding, self._suspects)

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

    async def append(self, draft: AppendBuilder, now: float) -> list[Entry]:
        """Make a draft durable. Objects whose rows cannot be stored are withheld, all others go on."""
        if self._unmet:
            draft.settings |= self._unmet.show()
        if draft.empty:
            return []
        while True:
            try:
                return await self._journal.append(draft.append())
            except UnstorableError as error:
                for row in _unstorable(error, now):
                    draft.withhold(row)


def _unstorable(error: UnstorableError, now: float) -> list[Withheld]:
    return [Withheld(name, key, BUG, why, now) for (name, key), why in error.reasons.items()]
