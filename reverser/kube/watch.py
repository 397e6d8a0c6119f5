"""One stream: list, then watch, for as long as somebody wants it.

A list is complete at the initial-events-end bookmark, or with the last page; until then nothing
may be concluded from it, so a broken one starts over. 410 in any shape means list again. Every
other failure means wait and go on from the last position. A clean close is routine and not told.
"""

from __future__ import annotations

import time
from contextlib import aclosing

import trio

from reverser.errors import TransientError
from reverser.kube.backoff import Backoff
from reverser.kube.client import Client
from reverser.kube.errors import ApiError, Forbidden, Gone, NotFound, Unauthorized, Unreachable
from reverser.kube.events import WatchEvent, change_of, event_of
from reverser.kube.paths import collection, page_params, watch_params
from reverser.kube.reports import Reports
from reverser.kube.tap import Tap
from reverser.model.change import ListCompleted, ListStarted, Origin, Progress, Stream

SILENCE_SECONDS = 150.0
"""Twice the API server's bookmark interval and some: a stream silent for longer is dead."""
LIST_SILENCE_SECONDS = 30.0
UNSUPPORTED = (400, 422)
"""How servers refuse a streaming list that they do not know."""


class Watch:
    """Follows one stream and hands its observations on."""

    def __init__(
        self,
        client: Client,
        stream: Stream,
        send: Tap,
        lists: trio.CapacityLimiter,
        reports: Reports,
    ) -> None:
        self._client = client
        self._stream = stream
        self._send = send
        self._lists = lists
        self._reports = reports
        self._backoff = Backoff()
        self._position = ""
        self._wake = trio.Event()
        self.settled = trio.Event()
        """Set once the stream has listed, resumed, or failed once."""

    def wake(self) -> None:
        """Something changed about the type: do not wait any longer."""
        self._wake.set()

    async def run(self, position: str) -> None:
        """Follow the stream from a position ("" lists first) until cancelled; raises Unauthorized."""
        self._position = position
        while True:
            try:
                await self._once()
            except Gone:
                self._restart("expired")
            except Unauthorized:
                raise
            except TransientError as error:
                await self._wait(error)

    async def _once(self) -> None:
        """One list or one watch, until its end."""
        if self._position:
            self.settled.set()
            await self._follow(self._position)
        elif self._client.streams_lists:
            await self._list_stream()
        else:
            await self._list_pages()

    def _restart(self, reason: str) -> None:
        self._position = ""
        self._reports.restarted(self._stream, reason)

    async def _wait(self, error: TransientError) -> None:
        if isinstance(error, NotFound):
            # The type may come back as another one of the same name: what was known is void then.
            self._position = ""
        self._reports.restarted(self._stream, _word(error))
        self._reports.failed(self._stream, error)
        self.settled.set()
        self._wake = trio.Event()
        with trio.move_on_after(self._backoff.failed(error.retry_after)):
            await self._wake.wait()

    async def _list_stream(self) -> None:
        """A streaming list; the same connection goes on as the watch."""
        await self._lists.acquire_on_behalf_of(self)
        try:
            await self._follow("")
        except ApiError as error:
            if error.status not in UNSUPPORTED:
                raise
            self._client.streams_lists = False
        finally:
            self._release()

    def _release(self) -> None:
        if self in self._lists.statistics().borrowers:
            self._lists.release_on_behalf_of(self)

    async def _follow(self, position: str) -> None:
        with trio.CancelScope() as patience:
            if not position:
                await self._send.send(ListStarted(self._stream))
            await self._read(position, patience)
        if patience.cancelled_caught:
            # A server that ignores sendInitialEvents says everything but that it is done.
            self._client.streams_lists = False
            raise Unreachable("the streaming list did not end")

    async def _read(self, position: str, patience: trio.CancelScope) -> None:
        listing, objects = not position, 0
        path, params = collection(self._stream), watch_params(position)
        async with aclosing(self._client.lines(path, params, silence_seconds=SILENCE_SECONDS)) as lines:
            if listing:
                patience.deadline = trio.current_time() + LIST_SILENCE_SECONDS
            async for line in lines:
                event = event_of(line)
                if listing:
                    patience.deadline = trio.current_time() + LIST_SILENCE_SECONDS
                if event.type != "BOOKMARK":
                    await self._hand_on(event, Origin.SNAPSHOT if listing else Origin.LIVE)
                    objects += listing
                elif listing and event.ends_initial_events:
                    listing, patience.deadline = False, float("inf")
                    await self._completed(event.resource_version, objects)
                elif not listing:
                    await self._progress(event.resource_version)
        if listing:
            raise Unreachable("the streaming list broke off")

    async def _list_pages(self) -> None:
        async with self._lists:
            await self._send.send(ListStarted(self._stream))
            token, version, objects = "", "", 0
            while True:
                page = await self._client.get(collection(self._stream), page_params(token))
                for item in page.get("items") or ():
                    named = {"apiVersion": self._stream.type.api_version, "kind": self._stream.type.kind}
                    event = WatchEvent("ADDED", named | item)
                    await self._hand_on(event, Origin.SNAPSHOT)
                    objects += 1
                version = version or str(page["metadata"]["resourceVersion"])
                token = page["metadata"].get("continue", "")
                if not token:
                    break
            await self._completed(version, objects)

    async def _hand_on(self, event: WatchEvent, origin: Origin) -> None:
        await self._send.send(change_of(self._stream, event, origin, time.time()))
        if origin is Origin.LIVE and event.resource_version:
            self._position = event.resource_version
            self._succeeded()

    async def _completed(self, version: str, objects: int) -> None:
        await self._send.send(ListCompleted(self._stream, version, time.time()))
        self._position = version
        self._release()
        self._succeeded()
        self._reports.listed(self._stream, objects)
        self.settled.set()

    async def _progress(self, version: str) -> None:
        await self._send.send(Progress(self._stream, version))
        self._position = version
        self._succeeded()

    def _succeeded(self) -> None:
        self._backoff.succeeded()
        self._reports.recovered(self._stream)


def _word(error: TransientError) -> str:
    """The reason in one word, for a metric."""
    match error:
        case Forbidden():
            return "forbidden"
        case NotFound():
            return "not_found"
        case ApiError(status=429):
            return "overloaded"
        case ApiError():
            return "server_error"
        case _:
            return "connection"
