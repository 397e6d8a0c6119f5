"""One stream: list, then watch, for as long as somebody wants it.

410 in any shape means list again. Every other failure means wait and go on from the last position,
whatever it was, and nothing but cancellation ends a stream. A clean close is routine and not told.
What has been handed on is never handed on again, unless a list or the server repeats it.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import trio

from reverser.bugs import bug
from reverser.errors import ReverserError
from reverser.kube.client import Client
from reverser.kube.errors import ApiError, Faulty, Gone, NotFound
from reverser.kube.events import MUTATIONS, WatchEvent, change_of, event_of
from reverser.kube.lists import Listed, Lists, Unending, paged, streamed
from reverser.kube.paths import collection, watch_params
from reverser.kube.reports import Reports
from reverser.kube.tap import Tap
from reverser.kube.trouble import Trouble
from reverser.model.change import ListCompleted, ListStarted, Origin, Progress, Stream

SILENCE_SECONDS = 150.0
"""Twice the API server's bookmark interval and some: a stream silent for longer is dead."""
UNSUPPORTED = (400, 422)
"""How servers refuse a streaming list that they do not know."""
SHORTEST_SECONDS = 1.0
"""A server that closes sooner than this is given a pause, or the two would spin."""


class Watch:
    """Follows one stream and hands its observations on."""

    def __init__(
        self,
        client: Client,
        stream: Stream,
        send: Tap,
        lists: Lists,
        reports: Reports,
        *,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> None:
        self.stream = stream
        self.position = ""
        """The resourceVersion of what was handed on last; empty: a list is due."""
        self.settled = trio.Event()
        """Set once the stream has listed, resumed, or failed once."""
        self._client = client
        self._send = send
        self._lists = lists
        self._reports = reports
        self._silence_seconds = silence_seconds
        self._trouble = Trouble(stream, reports)

    def discovered(self, *, served: bool) -> None:
        """Discovery has answered, with the stream's type or without it."""
        self._trouble.discovered(served=served)

    async def run(self, position: str) -> None:
        """Follow the stream from a position ("" lists first) until cancelled."""
        self.position = position
        while True:
            began = trio.current_time()
            self._trouble.asked()
            try:
                await self._once()
            except ReverserError as error:
                await self._failed(error)
            except Exception as error:
                await self._failed(Faulty(bug("stream", self.stream.id, error).message))
            else:
                if self.position and trio.current_time() - began < SHORTEST_SECONDS:
                    await self._trouble.pause()

    async def _once(self) -> None:
        """One connection, from its beginning to its end."""
        async with AsyncExitStack() as connection:
            if self.position:
                lines = await self._connect(connection)
                self.settled.set()
            else:
                async with self._lists.turns:
                    await self._send.send(ListStarted(self.stream))
                    lines = await self._list(connection)
            await self._live(lines)

    async def _connect(self, connection: AsyncExitStack) -> AsyncIterator[bytes]:
        answer = self._client.stream(
            collection(self.stream), watch_params(self.position), silence_seconds=self._silence_seconds
        )
        lines = await connection.enter_async_context(answer)
        self._trouble.answered()
        return lines

    async def _list(self, connection: AsyncExitStack) -> AsyncIterator[bytes]:
        """List; what comes back are the lines that follow the list."""
        group = self.stream.type.group
        if group not in self._lists.paged:
            try:
                lines = await self._connect(connection)
                await self._completed(await streamed(lines, self._hand_on_listed))
            except Unending:
                self._lists.paged.add(group)
                await connection.aclose()
            except ApiError as error:
                if error.status not in UNSUPPORTED:
                    raise
                self._lists.paged.add(group)
            else:
                return lines
        await self._completed(await paged(self._client, self.stream, self._hand_on_listed))
        return await self._connect(connection)

    async def _live(self, lines: AsyncIterator[bytes]) -> None:
        async for line in lines:
            event = event_of(line)
            version = event.resource_version
            if event.type in MUTATIONS:
                await self._send.send(change_of(self.stream, event, Origin.LIVE, time.time()))
            elif event.type == "BOOKMARK" and version:
                await self._send.send(Progress(self.stream, version))
            self.position = version or self.position
            self._trouble.progressed()

    async def _hand_on_listed(self, event: WatchEvent) -> None:
        await self._send.send(change_of(self.stream, event, Origin.SNAPSHOT, time.time()))

    async def _completed(self, listed: Listed) -> None:
        await self._send.send(ListCompleted(self.stream, listed.position, time.time()))
        self.position = listed.position
        self._trouble.progressed()
        self._reports.listed(self.stream, listed.objects)
        self.settled.set()

    async def _failed(self, error: ReverserError) -> None:
        if isinstance(error, Gone | NotFound):
            # A type that is gone may come back as another one of the same name: what was known is void.
            self.position = ""
        if not isinstance(error, Gone):
            self.settled.set()
        await self._trouble.happened(error)
