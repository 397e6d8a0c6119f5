"""One stream: list, then watch, for as long as somebody wants it.

410 in any shape means list again. So do a position that the server refuses (once, until watching brings
something), a server whose versions are lower than ours, and connections that bring nothing
(`kube.watch_position`). Every other failure means wait and go on from the last position, whatever it was, and
nothing but cancellation ends a stream. A clean close is routine and not reported. What has been handed on is
never handed on again, unless a list or the server repeats it.

Before a watch continues from a position, the server is asked for its own: one that was restored answers a
watch from a later one with 200 and silence, until it has caught up and goes on in the middle. A
server that names no version is listed at each connection, for nothing else tells what went meanwhile.
"""

from __future__ import annotations

import time
from contextlib import AsyncExitStack

import trio

from reverser.errors import ReverserError
from reverser.kube.client import Client
from reverser.kube.discovery_trigger import DiscoveryTrigger
from reverser.kube.errors import ApiError, Expired, Faulty, NotFound, Rejected, Rewound, Silent, Stuck
from reverser.kube.lists import (
    ANY_VERSION,
    EVERYTHING,
    METADATA_OF_OBJECT,
    BrokenOff,
    Listed,
    Lists,
    Query,
    Unending,
    collection,
    newest,
    paged,
    streamed,
    watch_params,
)
from reverser.kube.stream_health import Reports, StreamHealth
from reverser.kube.watch_events import MUTATIONS, LineReader, WatchEvent, change_of, read
from reverser.kube.watch_position import WatchPosition
from reverser.model.change import (
    ListCompleted,
    ListStarted,
    Origin,
    StartedOver,
    Stream,
)
from reverser.model.change import Progress as Bookmark
from reverser.model.resource import number
from reverser.unexpected_errors import bug

SILENCE_SECONDS = 150.0
"""Twice the API server's bookmark interval and some: a stream silent for longer is dead."""
UNSUPPORTED = (400, 422)
"""How servers refuse a streaming list that they do not know."""
REJECTED = (400, 422)
"""How servers refuse a position that is none."""
FAILED = 500
POSITION_TOLD = 40
"""Characters of a position that the server refuses."""
SHORTEST_SECONDS = 1.0
"""A server that closes sooner than this is given a pause, or the two would spin."""
CHECK_SECONDS = 60.0
"""How often at most the server's position is asked for after connections that ended well."""
RELIST_SECONDS = 30.0
"""How often at most a server that names no version is listed."""
UNNAMED_SECONDS = 600.0
"""After so long a server that names no version is listed even if it never closes a connection."""
MOST_BROKEN_LISTS = 2
"""Streaming lists that break off in a row, before the list is taken page by page."""


class Watch:
    """Follows one stream and hands its observations on."""

    def __init__(
        self,
        client: Client,
        stream: Stream,
        send: DiscoveryTrigger,
        lists: Lists,
        reports: Reports,
        *,
        silence_seconds: float = SILENCE_SECONDS,
        query: Query = EVERYTHING,
    ) -> None:
        self.stream = stream
        self._query = query
        self.tried = trio.Event()
        """Set once the stream has listed, resumed, or failed once."""
        self.ended = trio.Event()
        """Set once it hands nothing on any more."""
        self._client = client
        self._send = send
        self._lists = lists
        self._reports = reports
        self._silence_seconds = silence_seconds
        self._position = WatchPosition(silence_seconds)
        self._health = StreamHealth(stream, reports)
        self._checked_at = float("-inf")
        self._following = False
        self._broken_lists = 0
        self._rejectable = True
        self._brought = False
        """Whether the list has brought something since it began."""

    @property
    def position(self) -> str:
        """The resourceVersion of what was handed on last; empty: a list is due."""
        return self._position.position

    def discovered(self, *, served: bool) -> None:
        """Discovery has answered, with the stream's type or without it."""
        self._health.discovered(served=served)

    async def run(self, position: str) -> None:
        """Follow the stream from a position ("" lists first) until cancelled."""
        self._position.begin(position)
        while True:
            began = trio.current_time()
            self._following = False
            error: ReverserError | None = None
            try:
                await self._run_connection()
            except ReverserError as caught:
                error = self._with_rejection(caught)
            except Exception as caught:
                error = Faulty(bug("stream", self.stream.id, caught).message)
            await self._ended(error, trio.current_time() - began)

    async def _run_connection(self) -> None:
        """One connection, from its beginning to its end."""
        async with AsyncExitStack() as connection:
            await self._check()
            if self.position:
                lines = await self._connect(connection, self.position)
                self.tried.set()
            else:
                async with self._lists.turns:
                    await self._begin_list()
                    lines = await self._list(connection)
            self._following = True
            if self.position:
                await self._live(lines)
                return
            with trio.move_on_after(UNNAMED_SECONDS):
                await self._live(lines)

    async def _check(self) -> None:
        """Void a position that the server has not reached: it is of another history."""
        if not self.position or trio.current_time() - self._checked_at < CHECK_SECONDS:
            return
        server_version = await newest(self._client, self.stream)
        self._checked_at = trio.current_time()
        if self._position.behind(server_version, trio.current_time()):
            await self._start_over(server_version)

    async def _start_over(self, version: str) -> None:
        why = f"it is at version {version}, and {self.position or 'a later one'} was read before"
        self._reports.started_over(self.stream, why)
        await self._send.send(StartedOver(self.stream, time.time()))
        self._position.start_over(trio.current_time())

    async def _connect(self, connection: AsyncExitStack, position: str) -> LineReader:
        answer = self._client.stream(
            collection(self.stream),
            self._query.params | watch_params(position),
            silence_seconds=self._silence_seconds,
            accept=METADATA_OF_OBJECT if self._query.metadata_only else "*/*",
        )
        lines = await connection.enter_async_context(answer)
        self._position.opened(trio.current_time())
        return lines

    async def _list(self, connection: AsyncExitStack) -> LineReader:
        """List; what comes back are the lines that follow the list."""
        group = self.stream.type.group
        if group not in self._lists.paged and self._broken_lists < MOST_BROKEN_LISTS:
            try:
                lines = await self._connect(connection, "")
                self._broken_lists += 1
                await self._completed(await streamed(lines, self._hand_on_listed))
            except Unending:
                self._lists.paged.add(group)
                await connection.aclose()
            except BrokenOff:
                await connection.aclose()
            except ApiError as error:
                if error.status not in UNSUPPORTED:
                    raise
                self._lists.paged.add(group)
            else:
                return lines
            if self._brought:
                # What was streamed may have gone before the first page is read.
                await self._begin_list()
        await self._completed(await paged(self._client, self.stream, self._hand_on_listed, self._query))
        return await self._connect(connection, self.position or ANY_VERSION)

    async def _live(self, lines: LineReader) -> None:
        async for line in lines:
            event = await read(line)
            version = event.resource_version
            if self._position.behind(version, trio.current_time()):
                await self._start_over(version)
                raise Rewound("the API server's versions went back")
            if event.type in MUTATIONS:
                origin = Origin.LIVE
                await self._send.send(
                    change_of(self.stream, event, origin, time.time(), named=bool(self.position))
                )
            elif event.type == "BOOKMARK" and version and self.position:
                await self._send.send(Bookmark(self.stream, version))
            # Not before: whoever goes on from here after a cancellation would miss what nobody was handed.
            self._position.moved(version)
            self._rejectable = True
            self._health.progressed()

    async def _begin_list(self) -> None:
        self._brought = False
        await self._send.send(ListStarted(self.stream))

    async def _hand_on_listed(self, event: WatchEvent) -> None:
        self._brought = True
        await self._send.send(change_of(self.stream, event, Origin.SNAPSHOT, time.time()))

    async def _completed(self, listed: Listed) -> None:
        if self._position.behind(listed.position, trio.current_time()):
            await self._start_over(listed.position)
        await self._send.send(ListCompleted(self.stream, listed.position, time.time()))
        self._position.listed(listed.position)
        self._broken_lists = 0
        self._checked_at = trio.current_time()
        self._health.listed()
        self._reports.listed(self.stream, listed.objects)
        self.tried.set()

    def _with_rejection(self, error: ReverserError) -> ReverserError:
        """The same error, or that the position is refused.

        That only once: a server that refuses every watch so would be listed again and again.
        """
        if not self.position or not self._rejectable or not isinstance(error, ApiError):
            return error
        # kube-apiserver fails with 500 where the position is no number.
        failed = error.status == FAILED and number(self.position) is None
        if isinstance(error, Expired) or not (failed or error.status in REJECTED):
            return error
        self._rejectable = False
        return Rejected(f"the position {self.position[:POSITION_TOLD]!r} is refused: {error.message}")

    async def _ended(self, error: ReverserError | None, seconds: float) -> None:
        """A connection has ended, well or not; returns when it is time for the next one."""
        routine = error is None or (self._following and isinstance(error, Silent))
        if self._following and self._position.ended(trio.current_time()):
            error, routine = self._stuck(), False
        if isinstance(error, Expired | NotFound | Rejected | Rewound | Stuck):
            # A type that is gone may come back as another one of the same name: what was known is void.
            self._position.void()
        if error is None:
            await self._pause(seconds)
            return
        self._checked_at = float("-inf")
        if not isinstance(error, Expired):
            self.tried.set()
        await self._health.failed(error, routine=routine)

    def _stuck(self) -> Stuck:
        return Stuck(
            f"watching brings nothing, not even a bookmark, for {2 * self._silence_seconds:g} s and longer:"
            " the type is listed every few minutes instead",
            hint="does a proxy hold answers back?",
        )

    async def _pause(self, seconds: float) -> None:
        if not self.position:
            await trio.sleep(max(0.0, RELIST_SECONDS - seconds))
        elif seconds < SHORTEST_SECONDS:
            await self._health.pause()
