"""Decisions about the objects of large lists, made by a second process while this one reads and journals.

A first snapshot is bound by one processor: half of its time goes into decisions. So once lists have brought
many objects, whole batches of them are sent away to be decided. What is sent is the JSON as the API server
wrote it, and what comes back is the same `Decision` that `decide` makes here.

Only what the journal does not know is sent, for everything else takes more than the object to decide. Where
the other process has no answer (an object that it cannot decide, a process that ended), the object is decided
here, and whatever is wrong about it is told here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeAlias

import msgspec

from reverser.intake.hpa_targets import AutoscalerIndex
from reverser.intake.route import RouteTable
from reverser.model.change import Change, Observation, Origin, Stream
from reverser.model.entry import Decision
from reverser.model.resource import ObjectKey

WORTH_IT = 2_000
"""Objects that running lists have brought before the second process is started: 1 s of work or less."""
BATCH_WORTH_IT = 20
"""Objects of one batch; fewer are decided sooner here."""


class Question(msgspec.Struct, frozen=True, array_like=True):
    """One object of a list."""

    stream: Stream
    text: bytes
    """As the API server wrote it: a line of a streaming list, or an item of a page."""
    paged: bool
    """It is an item of a page."""
    seen_at: float
    scaled: bool
    """Whether an autoscaler names the object."""


Answers: TypeAlias = tuple[Decision | None, ...]
"""One for each route that the object can take, in their order; None: to be decided by whoever asks. Without
any, all of them are."""


class Decider(Protocol):
    """Somebody who decides elsewhere."""

    async def ask(self, questions: Sequence[Question]) -> Sequence[Answers]:
        """The answers, in the order of the questions; fewer where somebody has ended meanwhile."""

    async def rest(self) -> None:
        """Nothing is asked for the time being."""

    async def close(self) -> None:
        """Nothing is asked any more; what was asked and is not answered yet has no answer."""


class Ahead:
    """The decisions about one batch that are made elsewhere, once they are there."""

    def __init__(
        self,
        changes: Sequence[Change],
        scaled: Sequence[bool],
        destinations: Sequence[Sequence[str]],
        decider: Decider | None = None,
    ) -> None:
        """`destinations`: for each change, the names of those that are asked about."""
        self.decider = decider
        """Who is asked: whoever decides by the routes that name these destinations."""
        self._changes = changes
        self._scaled = scaled
        self._destinations = destinations
        self._decided: dict[ObjectKey, tuple[Change, bool, Mapping[str, Decision | None]]] = {}

    def questions(self) -> list[Question]:
        """What is asked about them."""
        return [
            Question(each.stream, each.text, each.paged, each.seen_at, scaled)
            for each, scaled in zip(self._changes, self._scaled, strict=True)
        ]

    def answered(self, answers: Sequence[Answers]) -> None:
        """Take the answers in; they may be fewer."""
        questions = zip(self._changes, self._scaled, self._destinations, strict=True)
        for (change, scaled, names), each in zip(questions, answers, strict=False):
            if each:
                self._decided[change.key] = change, scaled, dict(zip(names, each, strict=True))

    def about(self, destination: str, change: Change, *, scaled: bool) -> Decision | None:
        """The decision about a change that the journal knows nothing of; None: nobody has made it."""
        decided = self._decided.get(change.key)
        if decided is None or decided[0] is not change or decided[1] is not scaled:
            return None
        return decided[2].get(destination)


NOTHING = Ahead((), (), ())


class ListDecisions:
    """Chooses what is decided elsewhere."""

    def __init__(self, decider: Decider | None, routes: RouteTable, scaled: AutoscalerIndex) -> None:
        self._decider = decider
        self._routes = routes
        self._scaled = scaled
        self._listed = 0
        self.asked_batches = 0
        """Batches that were asked about."""
        self._known: set[str] = set()
        """Streams whose list brings what the journal knows."""

    def choose(self, batch: Sequence[Observation]) -> Ahead | None:
        """What of a batch is worth to be decided elsewhere; None: nothing."""
        if self._decider is None:
            return None
        changes = [each for each in batch if isinstance(each, Change) and self._fits(each)]
        self._listed += len(changes)
        if self._listed < WORTH_IT or len(changes) < BATCH_WORTH_IT:
            return None
        names = [
            [route.destination.name for route in self._routes.of_object(each.stream, each.key.namespace)]
            for each in changes
        ]
        scaled = [self._scaled.scales(change) for change in changes]
        return Ahead(changes, scaled, names, self._decider)

    async def ask(self, ahead: Ahead) -> None:
        """Have it decided, unless other routes are in force meanwhile: then it is decided here."""
        self.asked_batches += 1
        if ahead.decider is not None and ahead.decider is self._decider:
            ahead.answered(await ahead.decider.ask(ahead.questions()))

    def known(self, stream: Stream) -> None:
        """The journal knows an object of this list, and most likely the others: its record is needed, too."""
        self._known.add(stream.id)

    async def adopt(self, decider: Decider | None) -> None:
        """Other routes are in force, by which `decider` decides; what the former one answers still holds."""
        former, self._decider = self._decider, decider
        if former is not None and former is not decider:
            await former.close()

    async def rest(self) -> None:
        """No list runs any more: nothing is asked until many objects have come again."""
        self._listed = 0
        self._known.clear()
        if self._decider is not None:
            await self._decider.rest()

    async def aclose(self) -> None:
        """The intake ends."""
        await self.rest()

    def _fits(self, change: Change) -> bool:
        return (
            change.origin is Origin.SNAPSHOT
            and bool(change.text)
            and not change.deleted
            and not change.unreadable
            and change.stream.id not in self._known
            and change.key.cluster in self._routes.clusters
        )
