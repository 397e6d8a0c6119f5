"""Reads the custom resources of one API server, and the labels of its namespaces, and follows them.

Each kind is listed and watched by `kube.watch`, over the whole cluster or in some namespaces. A kind whose
CRD is not installed is reported once and looked for every few seconds. What was read outlives a lost
connection: the next list corrects it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any

import trio

from reverser.config import Resources
from reverser.custom_resources.api_types import (
    GROUP,
    PLURALS,
    VERSION,
    AnyObject,
    ClusterWatchRule,
    GitRepoConfig,
    Kind,
    WatchRule,
)
from reverser.custom_resources.model import ObjectRef
from reverser.custom_resources.object_table import NamespaceTable, ObjectTable, StoredStatus, Unreadable
from reverser.custom_resources.reader_reports import ReaderReports
from reverser.kube.client import Client
from reverser.kube.discovery import discover
from reverser.kube.discovery_trigger import DiscoveryTrigger
from reverser.kube.lists import Lists, Query
from reverser.kube.named_object import Follower, NamedObject
from reverser.kube.watch import Watch
from reverser.model.change import Barrier, Identified, Observation, Stream
from reverser.model.resource import ResourceType

STRUCTS: Mapping[Kind, Any] = {
    "GitRepoConfig": GitRepoConfig,
    "WatchRule": WatchRule,
    "ClusterWatchRule": ClusterWatchRule,
}
NAMESPACES = ResourceType("", "v1", "namespaces", "Namespace", namespaced=False, verbs=("list", "watch"))
CHANNEL = 100
MISSING_SECONDS = 5.0
"""Between two looks for kinds that are not served."""
SERVED_SECONDS = 30.0
"""The same where all are."""
GATHER_SECONDS = 0.2
"""One CRD makes several events; discovery is asked once after them."""


def type_of(kind: Kind) -> ResourceType:
    """The kind as a resource type."""
    namespaced = kind != "ClusterWatchRule"
    return ResourceType(
        GROUP, VERSION, PLURALS[kind], kind, namespaced, verbs=("list", "watch"), subresources=("status",)
    )


def streams(cluster: str, resources: Resources) -> dict[Stream, Kind]:
    """What is watched: cluster-wide, or in each of the namespaces."""
    if not resources.namespaces:
        return {Stream(cluster, type_of(kind)): kind for kind in STRUCTS}
    namespaced: tuple[Kind, ...] = ("GitRepoConfig", "WatchRule")
    return {
        Stream(cluster, type_of(kind), namespace): kind
        for kind in namespaced
        for namespace in resources.namespaces
    }


class ResourceReader:
    """The custom resources as they are now."""

    def __init__(
        self, cluster: str, resources: Resources, reports: ReaderReports, on_change: Callable[[], None]
    ) -> None:
        """`on_change` is called when something changed that is no status."""
        self._cluster = cluster
        self._resources = resources
        self._reports = reports
        self._on_change = on_change
        self._kinds = streams(cluster, resources)
        self._tables = {stream: ObjectTable(STRUCTS[kind]) for stream, kind in self._kinds.items()}
        self._watches: dict[Stream, Watch] = {}
        self._namespace_table = NamespaceTable()
        self.types: tuple[ResourceType, ...] = ()
        """What the API server serves; empty: not known yet."""
        self.tried = trio.Event()
        """Set when each kind was listed, or found missing, or has failed once."""

    def objects(self, kind: Kind) -> dict[Any, Any]:
        """Name -> object, with an empty status."""
        return dict(chain.from_iterable(table.objects.items() for table in self._of(kind)))

    @property
    def namespaces(self) -> Mapping[str, Mapping[str, str]]:
        """Name -> labels."""
        return dict(self._namespace_table.labels)

    def by_ref(self) -> dict[ObjectRef, AnyObject]:
        """All objects that can be read, with an empty status."""
        return {
            ObjectRef(kind, name): obj
            for stream, kind in self._kinds.items()
            for name, obj in self._tables[stream].objects.items()
        }

    def status(self, ref: ObjectRef) -> StoredStatus | None:
        """What the API server has as the status of an object that can be read."""
        tables = (table.statuses for table in self._of(ref.kind))
        return next((statuses[ref.name] for statuses in tables if ref.name in statuses), None)

    @property
    def unreadable(self) -> dict[ObjectRef, Unreadable]:
        """Objects that cannot be decoded."""
        return {
            ObjectRef(kind, name): each
            for stream, kind in self._kinds.items()
            for name, each in self._tables[stream].unreadable.items()
        }

    @property
    def has_all_configs(self) -> bool:
        """Whether every GitRepoConfig that there is was read."""
        return all(table.complete for table in self._of("GitRepoConfig"))

    def discover_again(self) -> None:
        """The API server may serve other types than those that are known."""
        self._reports.stale.set()

    def _of(self, kind: Kind) -> Iterator[ObjectTable[Any]]:
        return (self._tables[stream] for stream, each in self._kinds.items() if each == kind)

    async def run(self, client: Client) -> None:
        """Follow everything until cancelled. Raises ReverserError if discovery does not answer at first."""
        lists = Lists()
        self._watches = {}
        send, receive = trio.open_memory_channel[Observation](CHANNEL)
        trigger = DiscoveryTrigger(send, lambda: None)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._take, receive)
            namespaces = self._follow_namespaces(client, nursery, trigger, lists)
            await self._look(client, nursery, trigger, lists)
            nursery.start_soon(self._wait_for_lists, namespaces, trigger)
            while True:
                await self._pause()
                with self._reports.discovering():
                    await self._look(client, nursery, trigger, lists)

    async def _take(self, receive: trio.MemoryReceiveChannel[Observation]) -> None:
        async for observation in receive:
            if isinstance(observation, Barrier):
                observation.passed()
            elif isinstance(observation, Identified):
                self._all_read()
            elif self._tables.get(observation.stream, self._namespace_table).take(observation):
                self._on_change()

    async def _look(
        self, client: Client, nursery: trio.Nursery, send: DiscoveryTrigger, lists: Lists
    ) -> None:
        """Ask which kinds are served, and begin to watch those that are new."""
        discovery = await discover(client, self.types)
        ours = [type_ for type_ in discovery.versions if type_.group == GROUP]
        plurals = {type_.resource for type_ in ours if type_.version == VERSION}
        query = Query(selector=self._resources.selector)
        for stream in self._kinds:
            is_served = stream.type.resource in plurals
            if stream in self._watches:
                self._watches[stream].discovered(served=is_served)
            elif is_served:
                watch = Watch(client, stream, send, lists, self._reports, query=query)
                self._watches[stream] = watch
                nursery.start_soon(watch.run, "")
            if not is_served and self._tables[stream].clear():
                self._on_change()
        missing = sorted({stream.type.resource for stream in self._kinds} - plurals)
        self._reports.installed(missing, sorted({type_.version for type_ in ours}))
        if discovery.types != self.types:
            self.types = discovery.types
            self._on_change()

    async def _pause(self) -> None:
        with trio.move_on_after(MISSING_SECONDS if self._reports.missing else SERVED_SECONDS):
            await self._reports.stale.wait()
            await trio.sleep(GATHER_SECONDS)
        self._reports.stale = trio.Event()

    async def _wait_for_lists(self, namespaces: Watch | None, send: DiscoveryTrigger) -> None:
        for watch in [*self._watches.values(), *([namespaces] if namespaces else [])]:
            await watch.tried.wait()
        # Behind all that the watches have handed on.
        await send.send(Barrier(self._all_read))

    def _all_read(self) -> None:
        self.tried.set()
        self._on_change()

    def _follow_namespaces(
        self, client: Client, nursery: trio.Nursery, send: DiscoveryTrigger, lists: Lists
    ) -> Watch | None:
        """By one watch, or one each where only some namespaces may be read."""
        if not self._resources.namespaces:
            query = Query(metadata_only=True)
            watch = Watch(client, Stream(self._cluster, NAMESPACES), send, lists, self._reports, query=query)
            nursery.start_soon(watch.run, "")
            return watch
        for namespace in self._resources.namespaces:
            nursery.start_soon(self._namespace(client, namespace).run)
        return None

    def _namespace(self, client: Client, namespace: str) -> Follower:
        def on_read(document: dict[str, Any] | None) -> None:
            self._reports.namespace(namespace, None)
            if self._namespace_table.put(namespace, document):
                self._on_change()

        named = NamedObject("/api/v1/namespaces", namespace, metadata_only=True)
        return Follower(client, named, on_read, lambda error: self._reports.namespace(namespace, error))
