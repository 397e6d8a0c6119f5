"""Commits a complete list to the journal: what it holds, and what it proves to be gone, in one append.

Everything goes through the staging area, behind what the list staged while it ran: decisions that are left,
encrypted files, and the removals of the sweep. The append then takes all of it over at once.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import aclosing

import msgspec

from reverser.errors import WithheldError
from reverser.intake.append_builder import AppendBuilder
from reverser.intake.decide import defined, missing_from_list
from reverser.intake.decision_state import DecisionState
from reverser.intake.encryption import Decided, EncryptionQueue
from reverser.intake.listing import Listing
from reverser.intake.route import Route, RouteTable
from reverser.journal.retrying import RetryingJournal
from reverser.model.change import ListCompleted, Stream
from reverser.model.condition import Withheld
from reverser.model.entry import Decision, Outcome, Record, RecordKey, Staged, withhold
from reverser.unexpected_errors import contained

CHUNK = 200
"""Records that are looked at together."""


class ListCommitter:
    """Journals whole lists."""

    def __init__(
        self,
        routes: RouteTable,
        coverage: Callable[[Stream], str],
        journal: RetryingJournal,
        encryption: EncryptionQueue,
        state: DecisionState,
    ) -> None:
        """`coverage` tells what of a stream the rules of today want."""
        self._routes = routes
        self._coverage = coverage
        self._journal = journal
        self._encryption = encryption
        self._state = state

    async def keep(self, done: ListCompleted, listing: Listing) -> None:
        """Append the list and the position at which it was read; it is in the journal when this returns."""
        stream = done.stream
        withheld = await self._encrypt(done, listing)
        await self._state.recall_withheld()
        self._state.listed(stream, listing)
        withheld += await self._sweep(done, listing)
        builder = await self._rest(stream, listing, withheld)
        builder.listing = stream.id
        builder.positions[stream.id] = done.resource_version
        builder.coverages[stream.id] = self._coverage(stream)
        builder.settings |= self._state.unmet(stream)
        await self._state.append(builder, done.seen_at)

    async def _encrypt(self, done: ListCompleted, listing: Listing) -> list[Decided]:
        """Encrypt and stage what is to be encrypted; what is withheld comes back."""
        brought = await self._encryption.all(listing.unstaged())
        self._encryption.listed(listing.misses)
        for name, key, decision in brought:
            if decision.withheld is None:
                listing.decide(name, key, decision)
        refused = [decided for decided in brought if decided[2].withheld is not None]
        if staged := listing.take():
            refused += _refused(await self._state.stage(done.stream.id, staged, done.seen_at))
        return refused

    async def _sweep(self, done: ListCompleted, listing: Listing) -> list[Decided]:
        """Stage the removal of what the journal knows and the list has missed; the withheld come back."""
        withheld = list[Decided]()
        routes = {route.destination.name: route for route in self._routes.of_type(done.stream)}
        async with aclosing(self._recorded(routes, done.stream)) as parts:
            async for keys in parts:
                missing = await self._journal.known(each for each in keys if listing.misses(each[1]))
                withheld += await self._stage_removals(done, self._swept_all(routes, done, missing.values()))
                for record in missing.values():
                    withheld += await self._orphaned(routes[record.destination], done, record)
        return withheld

    async def _recorded(
        self, destinations: Collection[str], stream: Stream
    ) -> AsyncGenerator[Sequence[RecordKey], None]:
        """What the journal knows of these destinations in a stream, a part at a time."""
        last = None
        while keys := await self._journal.keys(destinations, stream, last, CHUNK):
            last = keys[-1]
            yield keys

    def _swept_all(
        self, routes: Mapping[str, Route], done: ListCompleted, records: Iterable[Record]
    ) -> list[Decided]:
        return [
            (each.destination, each.key, self._swept(routes[each.destination], done, each))
            for each in records
        ]

    async def _stage_removals(self, done: ListCompleted, decided: Sequence[Decided]) -> list[Decided]:
        """Stage these removals with the list that is complete; the withheld come back."""
        withheld = [each for each in decided if each[2].withheld is not None]
        return withheld + await self._remove(done, decided)

    async def _orphaned(self, route: Route, done: ListCompleted, missing: Record) -> list[Decided]:
        """The same for objects of a CRD that went, where the destination wants their files to go with it.

        Their types are not served any more: no list of them will ever tell. But a CRD that the API server has
        no more has no objects either.
        """
        type_ = defined(missing) if route.destination.gone_types == "remove" else None
        if type_ is None:
            return []
        withheld, name = list[Decided](), route.destination.name
        of_definition = msgspec.structs.replace(done, stream=Stream(done.stream.cluster, type_))
        async with aclosing(self._recorded([name], of_definition.stream)) as parts:
            async for keys in parts:
                records = (await self._journal.known(keys)).values()
                decided = self._swept_all({name: route}, of_definition, records)
                withheld += await self._stage_removals(done, decided)
        return withheld

    def _swept(self, route: Route, done: ListCompleted, record: Record) -> Decision:
        try:
            with contained("decide", record.key):
                return missing_from_list(route, done.stream, record, done.seen_at, done.resource_version)
        except WithheldError as error:
            return withhold(route.destination.name, record.key, error, done.seen_at)

    async def _remove(self, done: ListCompleted, decided: Sequence[Decided]) -> list[Decided]:
        removed = [
            Outcome(name, key, decision.entry, None)
            for name, key, decision in decided
            if decision.entry is not None
        ]
        if not removed:
            return []
        for outcome in removed:
            self._state.removed(outcome.destination, outcome.key)
        return _refused(
            await self._state.stage(done.stream.id, Staged(outcomes=tuple(removed)), done.seen_at)
        )

    async def _rest(self, stream: Stream, listing: Listing, withheld: Sequence[Decided]) -> AppendBuilder:
        """An append of what is withheld now, and of what is withheld no more though nothing is written."""
        names = {route.destination.name for route in self._routes.of(stream.cluster)}
        still = {(name, key) for name, key, _ in withheld}
        ended = [
            record_key
            for record_key in self._state.withheld_objects
            if record_key not in still
            and (listing.misses(record_key[1]) or (record_key[0] in names and listing.sees(record_key[1])))
        ]
        builder = await self._state.append_builder([*ended, *still])
        for name, key, decision in withheld:
            builder.add(name, key, decision)
        for record_key in ended:
            builder.add(*record_key, Decision("unchanged"))
        return builder


def _refused(rows: Iterable[Withheld]) -> list[Decided]:
    return [(row.destination, row.key, Decision("withheld", withheld=row)) for row in rows]
