"""Observes one cluster: discovery says what is served, rules say what is wanted, a task follows each stream.

A cluster that cannot be reached, at the start or later, is reported and tried again. New types are followed
at once; types that are no longer served are dropped after a grace. Only cancellation ends an observer. When
another cluster answers at the same address, everything is listed anew. A stream that begins again in the
same process continues from its own position, not from the journal's: what lies between is in the channel
already.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TypeAlias, cast

import trio

from reverser.errors import ReverserError, StalledError, TransientError, unwrap_group
from reverser.kube.client import Client
from reverser.kube.cluster_info import cluster_uid
from reverser.kube.credentials import load
from reverser.kube.discovery import discover, version
from reverser.kube.discovery_trigger import DiscoveryTrigger, InFlightBytes
from reverser.kube.errors import Unauthorized
from reverser.kube.lists import Lists
from reverser.kube.stream_health import Reports, api_backoff
from reverser.kube.type_catalog import ServedTypes
from reverser.kube.watch import Watch
from reverser.model.change import Identified, Observation, Stream, Unwanted
from reverser.model.resource import ResourceType
from reverser.unexpected_errors import BUG, bug

DISCOVERY_SECONDS = 30.0
RECONFIGURED = "reconfigured"
"""Why a stream begins again whose objects other rules are about now."""
GATHER_SECONDS = 0.2
"""One CRD makes several events; discovery is asked once after them."""

Wanted: TypeAlias = Callable[[Sequence[ResourceType]], Mapping[ResourceType, tuple[str, ...]]]


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
        uid: Callable[[], Awaitable[str]],
        send: trio.MemorySendChannel[Observation],
        reports: Reports,
        room: InFlightBytes | None = None,
        types: ServedTypes | None = None,
    ) -> None:
        """`types` collects what the cluster serves."""
        self._cluster = cluster
        self._kubeconfig = kubeconfig
        self._context = context
        self._wanted = wanted
        self._resume = position
        self._known_uid = uid
        self._uid: str | None = None
        self._send = DiscoveryTrigger(send, self.poke, room)
        self._reports = reports
        self._types = types or ServedTypes()
        self._lists = Lists()
        self._backoff = api_backoff()
        self._poked = False
        self._woken = trio.Event()
        self._tried = trio.Event()
        self._up_to_date = trio.Event()
        self._up_to_date.set()
        """Set while what is wanted runs, or the cluster does not answer."""
        self._away = False
        """Whether the last try to reach the cluster has failed."""
        self._following = trio.Lock()
        """Held by whoever changes what runs."""
        self._anew: set[str] = set()
        """Streams that list when they begin next, whatever was read before."""
        self._running: dict[Stream, tuple[Watch, trio.CancelScope]] = {}
        self._former: dict[str, Watch] = {}

    def poke(self) -> None:
        """Ask discovery again soon: a CRD or an APIService has changed."""
        self._poked = True
        self._woken.set()

    @asynccontextmanager
    async def held(self, concerned: Callable[[Stream], bool]) -> AsyncIterator[None]:
        """Streams that are concerned do not run inside the block, and no others begin.

        What they have handed on is in the channel when the block is entered. After it what is wanted then is
        followed, and the concerned streams list.
        """
        async with self._following:
            stopped = [watch.stream for watch in self._former.values() if concerned(watch.stream)]
            running = [stream for stream in self._running if concerned(stream)]
            await self._drop({*running})
            for stream in running:
                self._reports.restarted(stream, RECONFIGURED)
            for stream in stopped:
                # What its list has brought before the connection was lost counts for nothing now.
                await self._send.send(Unwanted(stream))
            for stream in (*stopped, *running):
                self._former.pop(stream.id, None)
                self._anew.add(stream.id)
            yield
            if self._up_to_date.is_set() and not self._away:
                # One that is not set is waited for already.
                self._up_to_date = trio.Event()
        self._woken.set()

    def progress(self, wanted: Callable[[Stream], bool]) -> list[bool]:
        """Of each stream that runs and is wanted, whether it has listed, resumed, or failed once."""
        return [watch.tried.is_set() for stream, (watch, _) in self._running.items() if wanted(stream)]

    async def discovered(self) -> None:
        """Return once discovery has answered, or could not be reached."""
        await self._tried.wait()

    async def round(self) -> None:
        """Return when every stream that is wanted now has listed, resumed, or failed once."""
        await self._tried.wait()
        await self._up_to_date.wait()
        for watch, _ in list(self._running.values()):
            await watch.tried.wait()

    async def run(self) -> None:
        """Observe until cancelled."""
        try:
            await self._run()
        finally:
            self._end_round()

    async def _run(self) -> None:
        while True:
            try:
                credentials = await load(self._kubeconfig, self._context)
                async with Client.open(credentials) as client:
                    await self._connected(client)
            except* (TransientError, StalledError) as group:
                self._reports.unreachable(cast("ReverserError", unwrap_group(group)))
            except* Exception as group:
                # Of this cluster's answers or kubeconfig: other clusters go on, and so does this one later.
                message = bug("cluster", self._cluster, group).message
                self._reports.unreachable(StalledError(BUG, message))
            self._end_round()
            await trio.sleep(self._backoff.failed())

    def _end_round(self) -> None:
        """Nothing runs, and nobody shall wait for it."""
        self._away = True
        self._stop(set(self._running))
        self._tried.set()
        self._up_to_date.set()

    async def _connected(self, client: Client) -> None:
        self._reports.connected(client.server, await version(client))
        async with trio.open_nursery() as nursery:
            while True:
                seconds = await self._refresh(client, nursery)
                self._tried.set()
                await self._follow_until_poked(client, nursery, trio.current_time() + seconds)

    async def _follow_until_poked(self, client: Client, nursery: trio.Nursery, deadline: float) -> None:
        """Follow what is wanted by other rules, until discovery has to be asked again."""
        while not self._poked:
            if not self._up_to_date.is_set():
                await self._follow(client, nursery, self._types.named)
            # The deadline is for the wait alone: a stream that ends must be reported as unwanted.
            with trio.move_on_at(deadline) as waiting:
                await self._woken.wait()
            if waiting.cancelled_caught:
                return
            self._woken = trio.Event()
        await trio.sleep(GATHER_SECONDS)

    async def _refresh(self, client: Client, nursery: trio.Nursery) -> float:
        """Ask discovery and follow its answer; the seconds until it should be asked again."""
        self._poked = False
        try:
            discovery = await discover(client, self._types.types)
            await self._identify(client)
        except Unauthorized:
            # The login cannot be repaired within this client: a client certificate may have run out.
            raise
        except (TransientError, StalledError) as error:
            # A login that fails, too, leaves the streams that still live alone.
            if not self._running:
                raise
            self._reports.unreachable(error)
            return self._backoff.failed(error.retry_after)
        self._backoff.succeeded()
        self._types.learn(discovery.versions, trio.current_time())
        self._reports.discovered(self._types.named, discovery.degraded)
        await self._follow(client, nursery, self._types.named)
        return DISCOVERY_SECONDS

    async def _identify(self, client: Client) -> None:
        """Begin everything anew when another cluster answers than the one that was read before."""
        if self._uid is None:
            self._uid = await self._known_uid()
        uid = await cluster_uid(client)
        if uid in ("", self._uid):
            return
        another = self._uid != ""
        if another:
            self._reports.started_over(
                None, f"another cluster answers: its uid is {uid}, before it was {self._uid}"
            )
            async with self._following:
                await self._end(set(self._running))
                self._former.clear()
                self._resume = _no_position
        await self._send.send(Identified(self._cluster, uid, another))
        self._uid = uid

    async def _follow(self, client: Client, nursery: trio.Nursery, types: Sequence[ResourceType]) -> None:
        async with self._following:
            await self._follow_wanted(client, nursery, types)
            self._away = False
            self._up_to_date.set()

    async def _follow_wanted(
        self, client: Client, nursery: trio.Nursery, types: Sequence[ResourceType]
    ) -> None:
        wanted = {
            Stream(self._cluster, type_, namespace)
            for type_, namespaces in self._wanted(types).items()
            for namespace in namespaces
        }
        unwanted, added = self._running.keys() - wanted, wanted - self._running.keys()
        await self._drop(unwanted)
        missing = {type_.name for type_ in self._types.missing}
        for watch, _ in self._running.values():
            watch.discovered(served=watch.stream.type.name not in missing)
        for stream in sorted(added, key=lambda stream: stream.id):
            watch, scope = Watch(client, stream, self._send, self._lists, self._reports), trio.CancelScope()
            self._running[stream] = (watch, scope)
            nursery.start_soon(self._watch, watch, scope)
        if unwanted or added:
            self._reports.watching(sorted(wanted, key=lambda stream: stream.id))

    async def _drop(self, streams: set[Stream]) -> None:
        """Stop these, and say so once they hand nothing on, before another stream of the same id does."""
        await self._end(streams)
        for stream in streams:
            await self._send.send(Unwanted(stream))

    async def _end(self, streams: set[Stream]) -> None:
        """Stop these; they hand nothing on once this returns."""
        watches = [self._running[stream][0] for stream in streams]
        self._stop(streams)
        for watch in watches:
            await watch.ended.wait()

    def _stop(self, streams: set[Stream]) -> None:
        for stream in streams:
            watch, scope = self._running.pop(stream)
            scope.cancel()
            watch.tried.set()
            self._former[stream.id] = watch

    async def _watch(self, watch: Watch, scope: trio.CancelScope) -> None:
        try:
            with scope:
                # One that ends before it began must not take the position that the next one goes on from.
                await trio.lowlevel.checkpoint_if_cancelled()
                await watch.run(await self._position(watch.stream))
        finally:
            watch.ended.set()

    async def _position(self, stream: Stream) -> str:
        former = self._former.pop(stream.id, None)
        if stream.id in self._anew:
            self._anew.discard(stream.id)
            return ""
        if former is None:
            return await self._resume(stream)
        return former.position if former.stream == stream else ""


async def _no_position(_: Stream) -> str:
    """No position at all: what was kept is of another cluster."""
    return ""
