"""Commits a complete list to the journal: what it holds, and what it proves to be gone, in one append.

Everything goes through the staging area, behind what the list staged while it ran: decisions that are left,
encrypted files, and the removals of the sweep. The append then takes all of it over at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from reverser.errors import WithheldError
from reverser.intake.append_builder import AppendBuilder
from reverser.intake.decision_state import DecisionState
from reverser.intake.encryption import EncryptionQueue
from reverser.intake.listing import Listing
from reverser.intake.removal import defined, missing_from_list
from reverser.intake.route import Route
from reverser.journal.retrying import RetryingJournal
from reverser.model.change import ListCompleted, Stream
from reverser.model.decision import Decision, withhold
from reverser.model.entry import Outcome, Record, Staged
from reverser.model.resource import ObjectKey
from reverser.model.withheld import Withheld
from reverser.unexpected_errors import contained

CHUNK = 200
"""Records that are looked at together."""

Made: TypeAlias = tuple[str, ObjectKey, Decision]


class ListCommitter:
    """Journals whole lists."""

    def __init__(
        self,
        routes: Mapping[str, Sequence[Route]],
        coverage: Callable[[Stream], str],
        journal: RetryingJournal,
        sealing: EncryptionQueue,
        memory: DecisionState,
    ) -> None:
        """`coverage` tells what of a stream the rules of today want."""
        self._routes = routes
        self._coverage = coverage
        self._journal = journal
        self._sealing = sealing
        self._memory = memory

    async def keep(self, done: ListCompleted, listing: Listing) -> None:
        """Append the list and the position at which it was read; it is in the journal when this returns."""
        stream = done.stream
        withheld = await self._seal(done, listing)
        await self._memory.recall_withheld()
        self._memory.listed(stream, listing)
        withheld += await self._sweep(done, listing)
        draft = await self._rest(stream, listing, withheld)
        draft.listing = stream.id
        draft.positions[stream.id] = done.resource_version
        draft.coverages[stream.id] = self._coverage(stream)
        draft.settings |= self._memory.unmet(stream)
        await self._memory.append(draft, done.seen_at)

    async def _seal(self, done: ListCompleted, listing: Listing) -> list[Made]:
        """Encrypt and stage what is to be encrypted; what is withheld comes back."""
        brought = await self._sealing.all(listing.kept())
        self._sealing.listed(listing.misses)
        for name, key, decision in brought:
            if decision.withheld is None:
                listing.decide(name, key, decision)
        refused = [made for made in brought if made[2].withheld is not None]
        if staged := listing.take():
            refused += _refused(await self._memory.stage(done.stream.id, staged, done.seen_at))
        return refused

    async def _sweep(self, done: ListCompleted, listing: Listing) -> list[Made]:
        """Stage the removal of what the journal knows and the list has missed; the withheld come back."""
        withheld = list[Made]()
        for route in self._routes.get(done.stream.cluster, ()):
            name, last = route.destination.name, None
            while keys := await self._journal.keys(name, done.stream, last, CHUNK):
                last = keys[-1]
                gone = [(name, key) for key in keys if listing.misses(key)]
                records = (await self._journal.known(gone)).values()
                made = [(name, record.key, self._swept(route, done, record)) for record in records]
                withheld += [each for each in made if each[2].withheld is not None]
                withheld += await self._remove(done, made)
                withheld += await self._orphaned(route, done, records)
        return withheld

    async def _orphaned(self, route: Route, done: ListCompleted, gone: Iterable[Record]) -> list[Made]:
        """The same for objects of CRDs that went, where the destination wants their files to go with them.

        Their types are not served any more: no list of them will ever tell. But a CRD that the API server has
        no more has no objects either.
        """
        withheld, name = list[Made](), route.destination.name
        types = map(defined, gone) if route.destination.gone_types == "remove" else ()
        for type_ in filter(None, types):
            of_type, last = Stream(done.stream.cluster, type_), None
            while keys := await self._journal.keys(name, of_type, last, CHUNK):
                last = keys[-1]
                records = (await self._journal.known((name, key) for key in keys)).values()
                told = msgspec.structs.replace(done, stream=of_type)
                made = [(name, record.key, self._swept(route, told, record)) for record in records]
                withheld += [each for each in made if each[2].withheld is not None]
                withheld += await self._remove(done, made)
        return withheld

    def _swept(self, route: Route, done: ListCompleted, record: Record) -> Decision:
        try:
            with contained("decide", record.key):
                return missing_from_list(route, done.stream, record, done.seen_at)
        except WithheldError as error:
            return withhold(route.destination.name, record.key, error, done.seen_at)

    async def _remove(self, done: ListCompleted, made: Sequence[Made]) -> list[Made]:
        removed = [
            Outcome(name, key, decision.entry, None)
            for name, key, decision in made
            if decision.entry is not None
        ]
        if not removed:
            return []
        for outcome in removed:
            self._memory.removed(outcome.destination, outcome.key)
        return _refused(
            await self._memory.stage(done.stream.id, Staged(outcomes=tuple(removed)), done.seen_at)
        )

    async def _rest(self, stream: Stream, listing: Listing, withheld: Sequence[Made]) -> AppendBuilder:
        """An append of what is withheld now, and of what is withheld no more though nothing is written."""
        names = {route.destination.name for route in self._routes.get(stream.cluster, ())}
        still = {(name, key) for name, key, _ in withheld}
        ended = [
            place
            for place in self._memory.withholding
            if place not in still
            and (listing.misses(place[1]) or (place[0] in names and listing.sees(place[1])))
        ]
        draft = await self._memory.draft([*ended, *still])
        for name, key, decision in withheld:
            draft.add(name, key, decision)
        for place in ended:
            draft.add(*place, Decision("unchanged"))
        return draft


def _refused(rows: Iterable[Withheld]) -> list[Made]:
    return [(row.destination, row.key, Decision("withheld", withheld=row)) for row in rows]
