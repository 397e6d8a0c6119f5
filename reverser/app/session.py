"""The task tree of one process, the order in which it ends, and how another configuration takes over.

    write   one writer per destination    on stop: drains what is journaled, within the grace
    └─ take   the intake                  on stop: finishes the change in hand, appends, ends
       └─ listen   one observer a cluster on stop: cancelled first

Another configuration interrupts nothing that it does not concern: unchanged writers and streams go on. A
stream whose objects it treats otherwise ends, lists again, and goes on; a destination that changed gets
another writer. What is journaled is durable, and the next writer goes on where the last one stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Set

import msgspec
import structlog
import trio

from reverser.app.assembly import Assembly, Difference
from reverser.app.destination_moves import follow_moves
from reverser.app.observers import Observers
from reverser.app.resumptions import Resumptions
from reverser.app.writers import FolderTarget, WriterFactory, Writers
from reverser.attribution.attributor import Attributor
from reverser.errors import StalledError, TransientError
from reverser.health import Health
from reverser.intake.driver import Intake
from reverser.kube.discovery_trigger import InFlightBytes
from reverser.kube.type_catalog import TypeCatalog
from reverser.metrics import Metrics
from reverser.model.change import Observation, Stream
from reverser.model.destination import subject_of
from reverser.model.journal import Journal
from reverser.select.resource_patterns import SETTING as MEANING
from reverser.sops.program import programs
from reverser.writer.destination_context import AskLease, always_leads

log = structlog.get_logger()

CHANNEL = 100
JOURNAL_SECONDS = 1.0
MOVES = "moves"
"""The step of the journal that a configuration begins with."""
DOUBTFUL_SECONDS = 300.0
"""How long a version that the branch claims may take to come."""
SETTLE_SECONDS_MOST = 120.0
"""How long the first commit waits for the other types' lists, so that one snapshot holds them all."""


class Request(msgspec.Struct):
    """What shall be done between two observations."""

    assembly: Assembly | None
    """The configuration that takes over; None: that in force stays."""
    destinations: frozenset[str]
    """Those whose records came back from their branch: their writers begin anew, and their types list."""
    concerns: Callable[[Stream], bool]
    """Streams that list again, besides."""
    done: trio.Event
    """Is set once that is so."""


class Session:
    """Runs a configuration, and those that take over from it, until it is stopped."""

    def __init__(
        self,
        assembly: Assembly,
        journal: Journal,
        metrics: Metrics,
        health: Health,
        *,
        afresh: bool = False,
        to: FolderTarget | None = None,
        attributor: Attributor | None = None,
        catalog: TypeCatalog | None = None,
        holds_lease: AskLease = always_leads,
    ) -> None:
        self._assembly = assembly
        self._journal = journal
        self._metrics = metrics
        self._health = health
        self._catalog = catalog = catalog or TypeCatalog()
        self._listening = trio.CancelScope()
        self._draining = True
        self._stopping = False
        self._requests: list[Request] = []
        self._requested = trio.Event()
        room = InFlightBytes()
        self._resumptions = Resumptions(journal, lambda name: self._intake.recall(name))
        self._observers = Observers(
            assembly, journal, metrics, health, catalog, room, self._may_resume, afresh=afresh
        )
        self._intake = Intake(
            assembly.routes,
            lambda stream: self._assembly.coverage(stream),
            journal,
            metrics,
            health,
            attributor,
            programs(assembly.destinations),
            room,
            assembly.decider,
        )
        corrections = None if attributor is None else attributor.correction_finder.corrections
        factory = WriterFactory(
            assembly, journal, metrics, health, catalog.of_kind, self._rebuilt, to, corrections, holds_lease
        )
        factory.on_read = self._resumptions.read
        self._writers = Writers(factory, health, self._ready)
        self.relist = False
        """Set when the session ended because everything has to be listed again."""

    def stop(self, *, drain: bool = True) -> None:
        """End: listeners first, then the intake, then the writers (drained, or at once)."""
        self._draining = drain
        self._stopping = True
        self._listening.cancel()

    async def first_lists_journaled(self) -> None:
        """Return when the lists that were wanted last are in the journal, of every cluster."""
        await self._observers.round_journaled([each.name for each in self._assembly.clusters])

    @property
    def has_first_lists(self) -> bool:
        """Whether the lists that were wanted last are in the journal, of every cluster."""
        return self._observers.has_round_journaled

    @property
    def failures(self) -> list[str]:
        """Streams that have not been listed, and why."""
        return self._observers.failures

    def progress(self, destination: str) -> tuple[int, int]:
        """(how many types of a destination have been read once, how many are watched for it)."""
        return self._observers.progress(lambda stream: self._leads_to(stream, {destination}))

    def adopt(self, assembly: Assembly) -> trio.Event:
        """Have another configuration take over. The event is set once it is in force."""
        return self._request(assembly=assembly)

    def list_again(self, concerns: Callable[[Stream], bool]) -> None:
        """Have these streams list again."""
        self._request(concerns=concerns)

    @property
    def written(self) -> Collection[str]:
        """Destinations that have a writer."""
        return self._writers.running

    def retry(self, destination: str) -> None:
        """Have a destination's writer begin anew, so that it does not wait until it tries again by itself."""
        self._writers.restart(destination)
        self._try_afresh({destination})

    async def run(self) -> None:
        """Run until `stop`; everything that was accepted is durable when this returns.

        From the stop on, intake and writers together have the grace. What a full disk or a dead
        remote holds up until then comes again: no position has moved past it.
        """
        await self._follow_moves(self._assembly)
        async with trio.open_nursery() as write:
            self._writers.begin(write, self._assembly.destinations)
            async with trio.open_nursery() as take:
                send, receive = trio.open_memory_channel[Observation](CHANNEL)
                take.start_soon(self._intake.run, receive)
                async with send:
                    await self._listen(send)
                until = trio.current_time() + self._assembly.config.grace_seconds
                take.cancel_scope.deadline = until
            if not self._draining:
                write.cancel_scope.cancel()
            self._writers.drain()
            write.cancel_scope.deadline = until

    async def _listen(self, send: trio.MemorySendChannel[Observation]) -> None:
        with self._listening:
            async with trio.open_nursery() as listen:
                self._observers.begin(listen, send)
                listen.start_soon(self._list_doubtful)
                while True:
                    await self._requested.wait()
                    self._requested = trio.Event()
                    requests, self._requests = self._requests, []
                    await self._carry_out(requests)

    def _request(
        self,
        assembly: Assembly | None = None,
        destinations: frozenset[str] = frozenset(),
        concerns: Callable[[Stream], bool] = lambda _: False,
    ) -> trio.Event:
        request = Request(assembly, destinations, concerns, trio.Event())
        self._requests.append(request)
        self._requested.set()
        return request.done

    async def _carry_out(self, requests: list[Request]) -> None:
        former = self._assembly
        latter = next((each.assembly for each in reversed(requests) if each.assembly), former)
        difference = Difference(former, latter)
        rebuilt = frozenset[str]().union(*(each.destinations for each in requests))
        writers = difference.writers | rebuilt

        def concerns(stream: Stream) -> bool:
            return (
                difference.concerns(stream)
                or self._leads_to(stream, rebuilt)
                or any(each.concerns(stream) for each in requests)
            )

        between = False
        try:
            async with self._observers.held(concerns):
                await self._writers.end(difference.removed | writers)
                self._try_afresh(difference.writers)
                await trio.lowlevel.checkpoint_if_cancelled()
                between = True
                await self._follow_moves(latter)
                await trio.lowlevel.checkpoint_if_cancelled()
                self._assembly = latter
                between = False
                changed = difference.files | rebuilt
                await self._intake.adopt(
                    latter.routes, programs(latter.destinations), latter.decider, changed
                )
                await self._observers.adopt(latter, difference.clusters)
                self._forget(difference.removed)
        finally:
            # A stop may have come: then they drain, but where the journal is between two configurations.
            if not between:
                self._writers.adopt(self._assembly, difference.removed | writers)
        self._observers.announce(warn=difference.of_file)
        for each in requests:
            each.done.set()

    def _try_afresh(self, destinations: Set[str]) -> None:
        """What has failed before is no condition of what is tried now; a new failure is reported anew."""
        for name in destinations:
            self._health.withdraw(subject_of(name), "Stalled")

    def _forget(self, destinations: Set[str]) -> None:
        for name in destinations:
            self._health.forget(subject_of(name))
            self._metrics.forget(destination=name)

    def _leads_to(self, stream: Stream, destinations: frozenset[str] | set[str]) -> bool:
        return any(
            route.destination.name in destinations and route.wants_type(stream.type)
            for route in self._assembly.routes.get(stream.cluster, ())
        )

    async def _follow_moves(self, assembly: Assembly) -> None:
        while not self._stopping:
            try:
                await follow_moves(self._journal, assembly.destinations)
                await self._resumptions.load()
                meanings = assembly.meanings(await self._journal.get_settings(MEANING))
            except (TransientError, StalledError) as error:
                self._health.failed("journal", error, "JournalUnusable", step=MOVES)
                await trio.sleep(JOURNAL_SECONDS)
            else:
                self._observers.understand(meanings)
                self._health.recovered("journal", step=MOVES)
                return

    async def _may_resume(self, stream: Stream) -> bool:
        """Whether a stream may go on from the journal's position; returns once that is known."""
        destinations = {
            route.destination.name: route.destination
            for route in self._assembly.routes.get(stream.cluster, ())
            if route.wants_type(stream.type)
        }
        return await self._resumptions.may_resume(destinations.values())

    async def _list_doubtful(self) -> None:
        while True:
            await trio.sleep(DOUBTFUL_SECONDS)
            if keys := self._intake.doubtful():
                self.list_again(lambda stream, keys=keys: any(map(stream.holds, keys)))  # type: ignore[misc]

    async def _ready(self, destination: str) -> None:
        if self._resumptions.waits(destination):
            # Its streams wait for the records, and only the types are needed to read them.
            clusters = self._assembly.clusters_of(destination)
            await self._observers.discovered(clusters)
            if all(self._catalog.of(name).types for name in clusters):
                return
            await self._resumptions.give_up(destination)
        with trio.move_on_after(SETTLE_SECONDS_MOST):
            await self._observers.round_journaled(self._assembly.clusters_of(destination))

    def _rebuilt(self, destination: str) -> None:
        """Records came back from the branch: only complete lists tell which of them are orphans."""
        if not self._stopping:
            self._request(destinations=frozenset({destination}))
            return
        self.relist = True
        self.stop(drain=False)
