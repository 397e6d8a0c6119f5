"""The end of a list: what it brought, and what it proves to be gone, in one append."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from reverser.bugs import contained
from reverser.errors import WithheldError
from reverser.intake.draft import Draft, Place
from reverser.intake.listing import Listing
from reverser.intake.memory import Memory
from reverser.intake.patience import PatientJournal
from reverser.intake.sealing import Sealing
from reverser.model.change import ListCompleted, Stream
from reverser.model.entry import Record
from reverser.stages.decision import Decision, kept_back
from reverser.stages.departure import swept
from reverser.stages.route import Route


class Completion:
    """Journals whole lists."""

    def __init__(
        self,
        routes: Mapping[str, Sequence[Route]],
        coverage: Callable[[Stream], str],
        journal: PatientJournal,
        sealing: Sealing,
        memory: Memory,
    ) -> None:
        """`coverage` tells what of a stream the rules of today want."""
        self._routes = routes
        self._coverage = coverage
        self._journal = journal
        self._sealing = sealing
        self._memory = memory

    async def keep(self, done: ListCompleted, listing: Listing) -> None:
        """The list is in the journal when this returns, with the position that it was read at."""
        stream, withholding = done.stream, self._memory.withholding
        brought = await self._sealing.all(listing.decisions())
        self._sealing.listed(listing.misses)
        gone = await self._gone(stream, listing)
        await self._memory.recall_withheld()
        freed = withholding.among((name, key) for name, key, _ in brought)
        draft = await self._memory.draft([*gone, *freed])
        for name, key, decision in brought:
            draft.add(name, key, decision)
        self._sweep(done, gone, draft)
        over = [each for each in withholding if listing.misses(each[1]) and not draft.withholds(each)]
        for place in over:
            draft.add(*place, Decision("unchanged"))
        self._memory.scaled.listed(stream, listing.seen)
        draft.positions[stream.id] = done.resource_version
        draft.coverages[stream.id] = self._coverage(stream)
        await self._memory.append(draft, done.seen_at)

    async def _gone(self, stream: Stream, listing: Listing) -> list[Place]:
        gone: list[Place] = []
        for route in self._routes.get(stream.cluster, ()):
            name = route.destination.name
            keys = filter(listing.misses, await self._journal.keys(name, stream))
            gone += [(name, key) for key in sorted(keys)]
        return gone

    def _sweep(self, done: ListCompleted, gone: list[Place], draft: Draft) -> None:
        routes = {route.destination.name: route for route in self._routes.get(done.stream.cluster, ())}
        for name, key in gone:
            record = draft.record(name, key)
            if record is not None:
                decision = self._swept(routes[name], done, record)
                if decision.forget:
                    self._memory.release(name, key)
                draft.add(name, key, decision)

    def _swept(self, route: Route, done: ListCompleted, record: Record) -> Decision:
        try:
            with contained("decide", record.key):
                return swept(route, done.stream, record, done.seen_at)
        except WithheldError as error:
            return kept_back(route.destination.name, record.key, error, done.seen_at)
