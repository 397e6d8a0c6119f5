"""The ASGI application: from a path to discovery, a review, a read, a write or a watch.

Faults come first, refusals become Status documents, and a client that goes away ends its watch. Writes
are handed to whoever does them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec
import trio

from reverser.sandbox import discovery, openapi
from reverser.sandbox.catalogue import Catalogue
from reverser.sandbox.faults import Faults
from reverser.sandbox.lines import Lines
from reverser.sandbox.reading import Reading, Reply, selection
from reverser.sandbox.refusal import Refusal, not_served
from reverser.sandbox.request import Receive, Request, Send, parse_request, read_body
from reverser.sandbox.store import Store
from reverser.sandbox.stream import Stream
from reverser.sandbox.watch import Watch

REVIEWS = ("authorization.k8s.io", "selfsubjectaccessreviews")


class App:
    """Answers HTTP."""

    def __init__(
        self,
        catalogue: Catalogue,
        store: Store,
        write: Callable[[Request], Awaitable[Reply]],
        bookmark_seconds: float,
    ) -> None:
        self.faults = Faults()
        self._catalogue = catalogue
        self._store = store
        self._reading = Reading(catalogue, store)
        self._write = write
        self._bookmark_seconds = bookmark_seconds

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        body, stream = await read_body(receive), Stream(receive, send)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_cancel_when_disconnected, stream, nursery.cancel_scope)
            try:
                await self._answer(parse_request(scope, body), stream)
            except Refusal as refusal:
                await stream.whole(refusal.code, msgspec.json.encode(refusal.document()))
            nursery.cancel_scope.cancel()

    async def _answer(self, request: Request, stream: Stream) -> None:
        fault = self.faults.take(request)
        if fault:
            await fault.play(stream)
        elif request.verb == "watch":
            await self._watch(request, stream)
        elif (request.group, request.resource) == REVIEWS:
            # Nobody is forbidden anything here.
            await stream.whole(201, msgspec.json.encode(request.json() | {"status": {"allowed": True}}))
        elif request.resource and request.verb == "get":
            await stream.whole(*self._reading.get(request))
        elif request.resource and request.verb == "list":
            await stream.whole(*self._reading.list(request))
        elif request.resource:
            await stream.whole(*await self._write(request))
        else:
            await self._discover(request, stream)

    async def _watch(self, request: Request, stream: Stream) -> None:
        served = self._reading.served(request)
        lines = Lines(self._store.tables[served.table], served, selection(request))
        await Watch(request, lines, self._store, self._bookmark_seconds).run(stream)

    async def _discover(self, request: Request, stream: Stream) -> None:
        aggregated = "as=APIGroupDiscoveryList" in request.headers.get("accept", "").replace(" ", "")
        if aggregated and request.path.strip("/") in ("api", "apis"):
            core = request.path.strip("/") == "api"
            document = discovery.aggregated(self._catalogue, core)
            await stream.whole(200, msgspec.json.encode(document), discovery.AGGREGATED)
        else:
            await stream.whole(200, msgspec.json.encode(self._document(request)))

    def _document(self, request: Request) -> dict[str, Any]:
        match request.path.strip("/").split("/"):
            case ["version"]:
                return discovery.VERSION
            case ["api"]:
                return discovery.core_versions()
            case ["api", version]:
                return discovery.resource_list(self._catalogue, "", version)
            case ["openapi", "v3"]:
                return openapi.index(self._catalogue)
            case ["openapi", "v3", *name]:
                return openapi.document(self._catalogue, "/".join(name))
            case ["apis"]:
                return discovery.group_list(self._catalogue)
            case ["apis", group]:
                return discovery.group(self._catalogue, group)
            case ["apis", group, version]:
                return discovery.resource_list(self._catalogue, group, version)
        raise not_served()


async def _cancel_when_disconnected(stream: Stream, scope: trio.CancelScope) -> None:
    await stream.disconnected()
    scope.cancel()
