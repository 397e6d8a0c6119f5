"""The observed clusters of one process: an observer each, what it reports, and the rounds of its lists.

When another configuration takes over, an observer goes on. The streams whose objects it treats otherwise do
not run meanwhile (`held`). So all that they handed on was decided by the old rules, and all that they will
hand on, beginning with a list, is decided by the new ones.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import trio

from reverser.app.assembly import Assembly, keep_meanings, kept_uid, resume_position
from reverser.app.cluster_reports import ClusterReports, warn_of_empty_rules
from reverser.config import Cluster
from reverser.health import Health
from reverser.kube.discovery_trigger import InFlightBytes
from reverser.kube.observer import Observer
from reverser.kube.type_catalog import ServedTypes, TypeCatalog
from reverser.metrics import Metrics
from reverser.model.change import Barrier, Observation, Stream
from reverser.model.journal import Journal
from reverser.model.resource import ResourceType
from reverser.select.resource_patterns import Meanings
from reverser.unexpected_errors import left_out


class ObservedCluster:
    """One cluster, for as long as it is reached in the same way."""

    def __init__(self, cluster: Cluster, observer: Observer, reports: ClusterReports) -> None:
        self.cluster = cluster
        self.observer = observer
        self.reports = reports
        self.scope = trio.CancelScope()
        self.ended = trio.Event()
        self.round_journaled = trio.Event()
        """Set once the lists that were wanted last are in the journal, or have failed once."""

    async def run(self) -> None:
        """Observe until `scope` is cancelled."""
        try:
            with self.scope:
                await self.observer.run()
        finally:
            self.ended.set()


class Observers:
    """Runs the observers of the configuration in force."""

    def __init__(
        self,
        assembly: Assembly,
        journal: Journal,
        metrics: Metrics,
        health: Health,
        catalog: TypeCatalog,
        room: InFlightBytes,
        may_resume: Callable[[Stream], Awaitable[bool]],
        *,
        afresh: bool = False,
    ) -> None:
        """`afresh`: every stream lists, whatever the journal knows of positions."""
        self._assembly = assembly
        self._journal = journal
        self._metrics = metrics
        self._health = health
        self._catalog = catalog
        self._room = room
        self._may_resume = may_resume
        self._afresh = afresh
        self._meanings = assembly.meanings({})
        self._observed: dict[str, ObservedCluster] = {}
        self._begun = trio.Event()

    def begin(self, nursery: trio.Nursery, send: trio.MemorySendChannel[Observation]) -> None:
        """Observe the clusters of the configuration in tasks of the nursery."""
        self._nursery = nursery
        self._send = send
        self._begin_new()
        self.announce(warn=True)
        self._begun.set()

    def understand(self, meanings: Meanings) -> None:
        """From now on patterns mean this."""
        self._meanings = meanings

    @property
    def failures(self) -> list[str]:
        """Streams that have not been listed, and why."""
        return [line for each in self._observed.values() for line in each.reports.failures]

    @property
    def has_round_journaled(self) -> bool:
        """Whether the lists that were wanted last are in the journal, of every cluster."""
        return self._begun.is_set() and all(each.round_journaled.is_set() for each in self._observed.values())

    async def round_journaled(self, clusters: Collection[str]) -> None:
        """Return when the lists of these clusters that were wanted last are in the journal."""
        await self._begun.wait()
        for event in [each.round_journaled for name, each in self._observed.items() if name in clusters]:
            await event.wait()

    async def discovered(self, clusters: Collection[str]) -> None:
        """Return once each of these clusters has said what it serves, or could not be reached."""
        await self._begun.wait()
        for observed in [each for name, each in self._observed.items() if name in clusters]:
            await observed.observer.discovered()

    def progress(self, wanted: Callable[[Stream], bool]) -> tuple[int, int]:
        """(how many of the streams that are wanted were read once, how many there are)."""
        states = [state for each in self._observed.values() for state in each.observer.progress(wanted)]
        return sum(states), len(states)

    @asynccontextmanager
    async def held(self, concerns: Callable[[Stream], bool]) -> AsyncIterator[None]:
        """Inside the block these streams do not run, and all that they handed on is in the journal."""
        async with AsyncExitStack() as stack:
            for each in self._observed.values():
                await stack.enter_async_context(each.observer.held(concerns))
            passed = trio.Event()
            await self._send.send(Barrier(passed.set))
            await passed.wait()
            yield

    async def adopt(self, assembly: Assembly, changed: Collection[str]) -> None:
        """Another configuration is in force. `changed`: clusters that went, or are reached otherwise."""
        self._assembly = assembly
        for name in [name for name in self._observed if name in changed]:
            observed = self._observed.pop(name)
            observed.scope.cancel()
            await observed.ended.wait()
            observed.reports.close()
            self._catalog.forget(name)
        for each in self._observed.values():
            each.reports.adopt(assembly.config)
        self._begin_new()
        await keep_meanings(self._journal, self._meanings)

    def announce(self, *, warn: bool) -> None:
        """Begin a round: it ends when the lists that are wanted now are in the journal.

        `warn`: log rules of the configuration file that select nothing.
        """
        for observed in self._observed.values():
            observed.round_journaled = trio.Event()
            self._nursery.start_soon(self._announce, observed, observed.round_journaled, warn)

    async def _announce(self, observed: ObservedCluster, journaled: trio.Event, warn: bool) -> None:
        await observed.observer.round()
        await self._send.send(Barrier(journaled.set))
        if warn:
            with left_out("empty rules", observed.cluster.name):
                types = self._catalog.of(observed.cluster.name).named
                await warn_of_empty_rules(observed.cluster, self._assembly, types)

    def _begin_new(self) -> None:
        clusters = self._assembly.clusters
        self._catalog.observe({each.name: self._types_of(each.name) for each in clusters})
        for cluster in clusters:
            if cluster.name not in self._observed:
                observed = self._observed[cluster.name] = self._observe(cluster)
                self._nursery.start_soon(observed.run)

    def _observe(self, cluster: Cluster) -> ObservedCluster:
        def wanted(types: Sequence[ResourceType]) -> Mapping[ResourceType, tuple[str, ...]]:
            return self._assembly.wanted(cluster.name, types)

        async def position(stream: Stream) -> str:
            await keep_meanings(self._journal, self._meanings)
            if self._afresh or not await self._may_resume(stream):
                return ""
            return await resume_position(self._journal, self._assembly, stream)

        async def uid() -> str:
            return await kept_uid(self._journal, cluster.name)

        reports = ClusterReports(self._assembly.config, cluster.name, self._metrics, self._health)
        observer = Observer(
            cluster.name,
            kubeconfig=cluster.kubeconfig,
            context=cluster.context,
            types=self._catalog.of(cluster.name),
            wanted=wanted,
            position=position,
            uid=uid,
            send=self._send,
            reports=reports,
            room=self._room,
        )
        return ObservedCluster(cluster, observer, reports)

    def _types_of(self, cluster: str) -> Callable[[], ServedTypes]:
        def wants(type_: ResourceType) -> bool:
            return self._assembly.wants(cluster, type_)

        def named(types: Sequence[ResourceType], missing: Collection[ResourceType]) -> Sequence[ResourceType]:
            return self._meanings.named(cluster, types, missing)

        return lambda: ServedTypes(wants, named)
