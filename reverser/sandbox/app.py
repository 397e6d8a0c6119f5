"""The ASGI application: from a path to discovery, a review, a read, a write or a watch.

Refusals become Status documents, and a client that goes away ends its watch. Writes are handed to whoever
does them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import trio

from reverser.sandbox.discovery import discover
from reverser.sandbox.reads import Reads
from reverser.sandbox.refusal import Refusal
from reverser.sandbox.request import ApiRequest, Receive, Response, Send, parse_request, read_body
from reverser.sandbox.store import Object, Store
from reverser.sandbox.types import Catalogue
from reverser.sandbox.watch import WatchResponse

REVIEWS = ("authorization.k8s.io", "selfsubjectaccessreviews")


class App:
    """Answers HTTP."""

    def __init__(
        self,
        catalogue: Catalogue,
        store: Store,
        write: Callable[[ApiRequest], Awaitable[tuple[int, Object]]],
        bookmark_seconds: float,
    ) -> None:
        self._catalogue = catalogue
        self._store = store
        self._reads = Reads(catalogue, store)
        self._write = write
        self._bookmark_seconds = bookmark_seconds

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        body, response = await read_body(receive), Response(send)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_cancel_when_disconnected, receive, nursery.cancel_scope)
            try:
                await self._answer(parse_request(scope, body), response)
            except Refusal as refusal:
                await response.whole(refusal.code, refusal.document())
            nursery.cancel_scope.cancel()

    async def _answer(self, request: ApiRequest, response: Response) -> None:
        if request.verb == "watch":
            type_ = self._reads.type_of(request)
            await WatchResponse(request, type_, self._store, self._bookmark_seconds).run(response)
        elif (request.group, request.resource) == REVIEWS:
            # Nobody is forbidden anything here.
            await response.whole(201, request.json() | {"status": {"allowed": True}})
        elif request.resource and request.verb == "get":
            await response.whole(200, self._reads.get(request))
        elif request.resource and request.verb == "list":
            await response.whole(200, self._reads.list(request))
        elif request.resource:
            await response.whole(*await self._write(request))
        else:
            accept = request.headers.get("accept", "")
            content_type, document = discover(self._catalogue, request.path, accept)
            await response.whole(200, document, content_type)


async def _cancel_when_disconnected(receive: Receive, scope: trio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
