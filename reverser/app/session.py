"""The task tree of one configuration, and the order in which it ends.

    write   one writer per destination    on stop: drains what is journaled, within the grace
    └─ take   the intake                  on stop: finishes the change in hand, appends, ends
       └─ listen   one observer a cluster on stop: cancelled first

A reload ends a session without draining: what is journaled is durable, and the next session goes
on where this one stopped.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import structlog
import trio

from reverser.app.assembly import Assembly, keep_meanings, kept_uid, resume_position
from reverser.app.cluster_reports import ClusterReports, warn_of_empty_rules
from reverser.app.destination_moves import follow_moves
from reverser.app.writers import FolderTarget, WriterFactory, Writers
from reverser.attribution.attributor import Attributor
from reverser.config import Cluster
from reverser.errors import StalledError, TransientError
from reverser.health import Health
from reverser.intake.driver import Intake
from reverser.kube.discovery_trigger import InFlightBytes
from reverser.kube.observer import Observer
from reverser.kube.type_catalog import ServedTypes, TypeCatalog
from reverser.metrics import Metrics
from reverser.model.change import Observation, Stream, StreamsStarted
from reverser.model.destination import subject_of
from reverser.model.journal import Journal
from reverser.model.resource import ResourceType
from reverser.select.resource_patterns import SETTING as MEANING
from reverser.sops.program import programs
from reverser.unexpected_errors import left_out

log = structlog.get_logger()

CHANNEL = 100
JOURNAL_SECONDS = 1.0
PLACES = "places"
"""The step of the journal that a session begins with."""
SETTLE_SECONDS_MOST = 120.0
"""How long the first commit waits for the other types' lists, so that one snapshot holds them all."""


class Session:
    """Runs one configuration until it is stopped."""

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
    ) -> None:
        self._assembly = assembly
        self._journal = journal
        self._metrics = metrics
        self._health = health
        self._afresh = afresh
        self._listening = trio.CancelScope()
        self._draining = True
        self._stopping = False
        encrypters = programs(assembly.destinations)
        self._room = InFlightBytes()
        self._meanings = assembly.meanings({})
        self._intake = Intake(
            assembly.routes,
            assembly.coverage,
            journal,
            metrics,
            health,
            attributor,
            encrypters,
            self._room,
            assembly.decider,
        )
        self._reports = {
            c.name: ClusterReports(assembly.config, c.name, metrics, health) for c in self.clusters
        }
        self._catalog = catalog or TypeCatalog()
        self._catalog.begin({cluster.name: self._served_types(cluster.name) for cluster in self.clusters})
        corrections = None if attributor is None else attributor.correction_finder.corrections
        factory = WriterFactory(
            assembly, journal, metrics, health, self._catalog.of_kind, self._list_anew, to, corrections
        )
        self._writers = Writers(factory, health, self._ready)
        self.relist = False
        """Set when the session ended because everything has to be listed again."""

    @property
    def clusters(self) -> list[Cluster]:
        """The clusters that some rule is about."""
        return [c for c in self._assembly.config.clusters if c.name in self._assembly.routes]

    def stop(self, *, drain: bool = True) -> None:
        """End: listeners first, then the intake, then the writers (drained, or at once)."""
        self._draining = drain
        self._stopping = True
        self._listening.cancel()

    async def first_lists_journaled(self) -> None:
        """Return when every cluster's first round of lists is in the journal."""
        for cluster in self.clusters:
            await self._intake.first_lists_journaled(cluster.name)

    @property
    def has_first_lists(self) -> bool:
        """Whether every cluster's first round of lists is in the journal."""
        return self._intake.has_first_lists

    @property
    def failures(self) -> list[str]:
        """Streams that have not been listed, and why."""
        return [line for reports in self._reports.values() for line in reports.failures]

    async def run(self) -> None:
        """Run until `stop`; everything that was accepted is durable when this returns.

        From the stop on, intake and writers together have the grace. What a full disk or a dead
        remote holds up until then comes again: no position has moved past it.
        """
        await self._follow_moves()
        async with trio.open_nursery() as write:
            for destination in self._assembly.destinations:
                write.start_soon(self._writers.run, destination)
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

    def close(self, following: Assembly) -> None:
        """Forget the conditions of what the next session knows nothing of."""
        for cluster in self._reports.keys() - following.routes.keys():
            self._reports[cluster].close()
        following_names = {destination.name for destination in following.destinations}
        for name in {destination.name for destination in self._assembly.destinations} - following_names:
            self._health.forget(subject_of(name))

    async def _follow_moves(self) -> None:
        while not self._stopping:
            try:
                await follow_moves(self._journal, self._assembly.destinations)
                self._meanings = self._assembly.meanings(await self._journal.get_settings(MEANING))
            except (TransientError, StalledError) as error:
                self._health.failed("journal", error, "JournalUnusable", step=PLACES)
                await trio.sleep(JOURNAL_SECONDS)
            else:
                self._health.recovered("journal", step=PLACES)
                return

    async def _listen(self, send: trio.MemorySendChannel[Observation]) -> None:
        with self._listening:
            async with trio.open_nursery() as listen:
                for cluster in self.clusters:
                    observer = self._observer(cluster, send)
                    listen.start_soon(observer.run)
                    listen.start_soon(self._announce, observer, cluster, send)

    async def _announce(
        self, observer: Observer, cluster: Cluster, send: trio.MemorySendChannel[Observation]
    ) -> None:
        await observer.first_round()
        await send.send(StreamsStarted(cluster.name))
        with left_out("empty rules", cluster.name):
            types = self._catalog.of(cluster.name).named
            await warn_of_empty_rules(cluster, self._assembly, types)

    def _served_types(self, cluster: str) -> ServedTypes:
        def wants(type_: ResourceType) -> bool:
            return any(route.wants_type(type_) for route in self._assembly.routes[cluster])

        def named(types: Sequence[ResourceType], missing: Collection[ResourceType]) -> Sequence[ResourceType]:
            return self._meanings.named(cluster, types, missing)

        return ServedTypes(wants, named)

    def _observer(self, cluster: Cluster, send: trio.MemorySendChannel[Observation]) -> Observer:
        def wanted(types: Sequence[ResourceType]) -> Mapping[ResourceType, tuple[str, ...]]:
            return self._assembly.wanted(cluster.name, types)

        async def position(stream: Stream) -> str:
            await keep_meanings(self._journal, self._meanings)
            return "" if self._afresh else await resume_position(self._journal, self._assembly, stream)

        async def uid() -> str:
            return await kept_uid(self._journal, cluster.name)

        return Observer(
            cluster.name,
            kubeconfig=cluster.kubeconfig,
            context=cluster.context,
            types=self._catalog.of(cluster.name),
            wanted=wanted,
            position=position,
            uid=uid,
            send=send,
            reports=self._reports[cluster.name],
            room=self._room,
        )

    async def _ready(self, destination: str) -> None:
        with trio.move_on_after(SETTLE_SECONDS_MOST):
            for cluster in self._assembly.clusters_of(destination):
                await self._intake.first_lists_journaled(cluster)

    def _list_anew(self) -> None:
        """Records came back from the branch: only complete lists tell which of them are orphans."""
        self.relist = True
        self.stop(drain=False)
