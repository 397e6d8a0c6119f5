"""Observations in, journal entries out.

Observations of one stream arrive in the API's order and leave in it. They are taken in batches:
one look-up of the records, one decision a destination, one durable append, which also moves the
streams' positions. A journal that cannot take an append (a full disk) holds everything up here;
the watch lags safely behind until it can.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

import structlog
import trio

from reverser.errors import TransientError
from reverser.health import Health
from reverser.intake.listing import Listing
from reverser.intake.scaled import Scaled
from reverser.metrics import Metrics
from reverser.model.change import (
    Change,
    ListCompleted,
    ListStarted,
    Observation,
    Origin,
    Progress,
    Settled,
    Stream,
)
from reverser.model.entry import Append, Record
from reverser.model.ports import Journal
from reverser.model.resource import ObjectKey
from reverser.stages.decide import Decision, decide, swept
from reverser.stages.route import Route

log = structlog.get_logger()

BATCH = 500
TURN = 16
"""Changes decided before other tasks get a turn: a few milliseconds."""
RETRY_SECONDS = 1.0
RETRY_SECONDS_MOST = 30.0

T = TypeVar("T")
View = dict[tuple[str, ObjectKey], Record | None]


class Intake:
    """Decides every observation of all clusters and makes the outcome durable."""

    def __init__(
        self,
        routes: Mapping[str, Sequence[Route]],
        coverage: Callable[[Stream], str],
        journal: Journal,
        metrics: Metrics,
        health: Health,
    ) -> None:
        self._routes = routes
        self._coverage = coverage
        self._journal = journal
        self._metrics = metrics
        self._health = health
        self._listings: dict[str, Listing] = {}
        self._scaled = Scaled()
        self._settled: dict[str, trio.Event] = {cluster: trio.Event() for cluster in routes}

    async def settled(self, cluster: str) -> None:
        """Return when the first round of the cluster's lists is in the journal."""
        await self._settled[cluster].wait()

    async def run(self, observations: trio.MemoryReceiveChannel[Observation]) -> None:
        """Take observations until the channel closes."""
        await self._seed()
        async with observations:
            async for first in observations:
                await self._take(_more(first, observations))

    async def _seed(self) -> None:
        for route in {r.destination.name: r for routes in self._routes.values() for r in routes}.values():
            known = await self._patiently(self._journal.all_records, route.destination.name)
            keys = [r.key for r in known if r.key.resource == "horizontalpodautoscalers"]
            records = await self._patiently(self._journal.records, route.destination.name, keys)
            self._scaled.seed(records.values())

    async def _take(self, batch: list[Observation]) -> None:
        view = await self._view(batch)
        append = Append()
        for index, observation in enumerate(batch):
            match observation:
                case Change():
                    self._change(observation, view, append)
                case ListStarted(stream=stream):
                    self._listings[stream.id] = Listing()
                case ListCompleted():
                    # What the batch decided so far must be in the journal before a sweep asks it.
                    await self._append(append)
                    await self._append(await self._complete(observation))
                    append = Append()
                case Settled(cluster=cluster):
                    await self._append(append)
                    append = Append()
                    self._settled[cluster].set()
                case Progress(stream=stream, resource_version=version):
                    if stream.id not in self._listings:
                        append.positions[stream.id] = version
            if index % TURN == TURN - 1:
                await trio.lowlevel.checkpoint()
        await self._append(append)

    async def _view(self, batch: list[Observation]) -> View:
        """What the journal knows of every object of the batch, to be kept true while deciding."""
        wanted: dict[str, list[ObjectKey]] = defaultdict(list)
        for observation in batch:
            if isinstance(observation, Change):
                for route in self._routes.get(observation.key.cluster, ()):
                    wanted[route.destination.name].append(observation.key)
        view: View = {}
        for name, keys in wanted.items():
            for key, record in (await self._patiently(self._journal.records, name, keys)).items():
                view[name, key] = record
        return view

    def _change(self, change: Change, view: View, append: Append) -> None:
        self._metrics.count("events_received", cluster=change.key.cluster)
        self._scaled.note(change)
        listing = self._listings.get(change.stream.id) if change.origin is Origin.SNAPSHOT else None
        if listing is not None:
            self._metrics.count("objects_scanned", cluster=change.key.cluster)
            if change.deleted:
                listing.absent(change.key)
                return
            listing.present(change.key)
        scaled = self._scaled.scales(change)
        for route in self._routes.get(change.key.cluster, ()):
            name = route.destination.name
            decision = decide(route, change, view.get((name, change.key)), scaled=scaled)
            self._metrics.count("events_processed", cluster=change.key.cluster, result=decision.result)
            if listing is not None:
                listing.decide(name, change.key, decision)
                continue
            _apply(append, name, change.key, decision)
            if decision.record is not None or decision.forget:
                view[name, change.key] = decision.record
        if listing is None and change.resource_version:
            append.positions[change.stream.id] = change.resource_version

    async def _complete(self, done: ListCompleted) -> Append:
        stream, append = done.stream, Append()
        listing = self._listings.pop(stream.id)
        for name, key, decision in listing.decisions():
            _apply(append, name, key, decision)
        for route in self._routes.get(stream.cluster, ()):
            await self._sweep(route, done, listing, append)
        self._scaled.listed(stream, listing.seen)
        append.positions[stream.id] = done.resource_version
        append.coverages[stream.id] = self._coverage(stream)
        return append

    async def _sweep(self, route: Route, done: ListCompleted, listing: Listing, append: Append) -> None:
        name = route.destination.name
        gone = sorted(await self._patiently(self._journal.keys, name, done.stream) - listing.seen)
        records = await self._patiently(self._journal.records, name, gone)
        for key in gone:
            _apply(append, name, key, swept(route, done.stream, records[key], done.seen_at))

    async def _append(self, append: Append) -> None:
        for withheld in append.withheld:
            log.warning(
                "object withheld", object=str(withheld.key), reason=withheld.reason, why=withheld.message
            )
        await self._patiently(self._journal.append, append)

    async def _patiently(self, call: Callable[..., Awaitable[T]], *args: object) -> T:
        """Ask the journal until it answers: nothing may be dropped, and the watch can wait."""
        pause = RETRY_SECONDS
        while True:
            try:
                answer = await call(*args)
            except TransientError as error:
                self._health.passed("journal", False)
                self._health.stalled("journal", "JournalUnusable", f"{error.message}. {error.hint}".strip())
                await trio.sleep(pause)
                pause = min(2 * pause, RETRY_SECONDS_MOST)
            else:
                self._health.passed("journal")
                self._health.recovered("journal")
                return answer


def _apply(append: Append, destination: str, key: ObjectKey, decision: Decision) -> None:
    if decision.entry is not None:
        append.entries.append(decision.entry)
    if decision.record is not None:
        append.records.append(decision.record)
    if decision.forget:
        append.forgotten.append((destination, key))
    if decision.withheld is not None:
        append.withheld.append(decision.withheld)


def _more(first: Observation, observations: trio.MemoryReceiveChannel[Observation]) -> list[Observation]:
    """What is waiting, up to the end of a list: what comes after must see the list's records."""
    batch = [first]
    while len(batch) < BATCH and not isinstance(batch[-1], ListCompleted):
        try:
            batch.append(observations.receive_nowait())
        except (trio.WouldBlock, trio.EndOfChannel):
            break
    return batch
