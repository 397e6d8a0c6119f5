"""One cluster, observed: discovery says what there is, the rules say what is wanted, a task each follows it.

A cluster that cannot be reached, at the start or later, is reported and tried again. Types that
come are followed at once; types that go are let go of after a while. Whatever happens, nothing but
cancellation ends an observer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

import trio

from reverser.errors import ReverserError, StalledError, TransientError
from reverser.kube.backoff import Backoff
from reverser.kube.client import Client
from reverser.kube.credentials import load
from reverser.kube.discovery import Memory, discover, version
from reverser.kube.reports import Reports
from reverser.kube.tap import Tap
from reverser.kube.watch import Watch
from reverser.model.change import Observation, Stream
from reverser.model.resource import ResourceType

LISTS_AT_ONCE = 8
DISCOVERY_SECONDS = 30.0
SETTLE_SECONDS = 0.2
"""One CRD makes several events; discovery is asked once after them."""

Wanted = Callable[[Sequence[ResourceType]], Mapping[ResourceType, tuple[str, ...]]]


class Observer:
    """Follows everything that is wanted of one cluster."""

    def __init__(
        self,
        cluster: str,
        *,
        kubeconfig: str,
        context: str,
        wanted: Wanted,
        position: Callable[[Stream], Awaitable[str]],
        send: trio.MemorySendChannel[Observation],
        reports: Reports,
    ) -> None:
        self._cluster = cluster
        self._kubeconfig = kubeconfig
        self._context = context
        self._wanted = wanted
        self._resume = position
        self._send = Tap(send, self.poke)
        self._reports = reports
        self._memory = Memory()
        self._lists = trio.CapacityLimiter(LISTS_AT_ONCE)
        self._poked = trio.Event()
        self._running: dict[Stream, tuple[Watch, trio.CancelScope]] = {}
        self._tried = trio.Event()

    def poke(self) -> None:
        """Ask discovery again soon: a CRD or an APIService has changed."""
        self._poked.set()

    async def settled(self) -> None:
        """Return when every stream wanted at the start has listed, resumed, or failed once."""
        await self._tried.wait()
        for watch, _ in list(self._running.values()):
            await watch.settled.wait()

    async def run(self) -> None:
        """Observe until cancelled."""
        backoff = Backoff()
        while True:
            try:
                credentials = await load(self._kubeconfig, self._context)
                async with Client.open(credentials) as client:
                    await self._connect(client, backoff)
            except* (TransientError, StalledError) as group:
                self._reports.unreachable(_first(group))
            self._stop(set(self._running))
            self._tried.set()
            await trio.sleep(backoff.failed())

    async def _connect(self, client: Client, backoff: Backoff) -> None:
        self._reports.connected(client.server, await version(client))
        async with trio.open_nursery() as nursery:
            while True:
                await self._refresh(client, nursery)
                backoff.succeeded()
                self._tried.set()
                await self._pause()

    async def _pause(self) -> None:
        with trio.move_on_after(DISCOVERY_SECONDS):
            await self._poked.wait()
            await trio.sleep(SETTLE_SECONDS)
        self._poked = trio.Event()

    async def _refresh(self, client: Client, nursery: trio.Nursery) -> None:
        try:
            discovery = await discover(client, self._memory.types)
        except TransientError as error:
            if not self._memory.types:
                raise
            self._reports.unreachable(error)
            return
        self._memory.learn(discovery, trio.current_time())
        types = self._memory.types
        self._reports.discovered(types, discovery.degraded)
        wanted = {
            Stream(self._cluster, type_, namespace)
            for type_, namespaces in self._wanted(types).items()
            for namespace in namespaces
        }
        self._stop(set(self._running) - wanted)
        await self._start(wanted - set(self._running), client, nursery)

    def _stop(self, streams: set[Stream]) -> None:
        for stream in streams:
            watch, scope = self._running.pop(stream)
            watch.settled.set()
            scope.cancel()

    async def _start(self, streams: set[Stream], client: Client, nursery: trio.Nursery) -> None:
        for watch, _ in self._running.values():
            watch.wake()
        for stream in sorted(streams, key=lambda stream: stream.id):
            watch = Watch(client, stream, self._send, self._lists, self._reports)
            scope = trio.CancelScope()
            self._running[stream] = (watch, scope)
            nursery.start_soon(self._follow, watch, stream, scope)
        if streams:
            self._reports.watching(sorted(self._running, key=lambda stream: stream.id))

    async def _follow(self, watch: Watch, stream: Stream, scope: trio.CancelScope) -> None:
        with scope:
            await watch.run(await self._resume(stream))


def _first(group: BaseExceptionGroup[ReverserError]) -> ReverserError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, ReverserError)
    return error
