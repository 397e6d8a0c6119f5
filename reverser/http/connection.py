"""Connections of one listener: hypercorn's handler, with a protocol that is made for many small requests.

One task per connection reads a request, lets the application answer it, and reads the next. A client costs a
bounded time in every state: until its handshake is done, until a request's head is complete, while it does
not read an answer, and when it is closed; bodies are bounded by the application.

A listener has a limit of connections, and a new one is never refused: else a client that holds the limit with
silent connections would keep the API server out. The new one gets the slot of the connection that has been
idle for longest, which is then closed. An API server opens another connection when an idle one was closed.
"""

from __future__ import annotations

import logging
import resource
import ssl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, cast

import hypercorn
import structlog
import trio
from hypercorn.protocol.http_stream import HTTPStream
from hypercorn.trio.tcp_server import MAX_RECV, TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState, TaskGroup
from hypercorn.utils import parse_socket_addr

from reverser.http.exchange import Exchange
from reverser.http.request_parser import NONE, Headers, Mark, Piece, RequestHead, Requests
from reverser.http.response import STREAM, Reply
from reverser.unexpected_errors import bug

log = structlog.get_logger()

SEND_SECONDS = 30.0
"""How long a client may take to read a part of an answer."""
HEAD_SECONDS = 120.0
"""From one request to the end of the next one's head."""
HANDSHAKE_SECONDS = 10.0
CLOSE_SECONDS = 2.0
"""For what a refused client still sends, without which it might not see why, and for a farewell."""


MOST = 512
"""An API server makes a connection for each review that is under way, up to its own limit of 200 writes."""
SHARE_OF_FILES = 4
"""At most one in so many of the files that the process may have open: the journal and git need some, too."""
LOG_SECONDS = 60.0


def limit() -> int:
    """For one listener of this process."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST if files < 0 else max(1, min(MOST, files // SHARE_OF_FILES))


class Connections:
    """The connections of one listener."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._slots: dict[ConnectionSlot, None] = {}  # the one that has been still for longest is the first
        self._quiet_until = float("-inf")

    @contextmanager
    def slot(self) -> Iterator[ConnectionSlot]:
        """A place of a new connection; what runs in the block is cancelled when the place goes to another."""
        if len(self._slots) >= self._most:
            self._end_one()
        slot = ConnectionSlot(self)
        self._slots[slot] = None
        try:
            with slot.scope:
                yield slot
        finally:
            self._slots.pop(slot, None)

    def move_back(self, slot: ConnectionSlot) -> None:
        """This connection was used last."""
        if slot in self._slots:
            del self._slots[slot]
            self._slots[slot] = None

    def _end_one(self) -> None:
        idlest = next(iter(self._slots))
        del self._slots[idlest]  # now: it ends only when its task has its turn
        idlest.scope.cancel()
        now = trio.current_time()
        if now >= self._quiet_until:
            self._quiet_until = now + LOG_SECONDS
            log.warning("too many connections, closing the one idle for longest", limit=self._most)


class ConnectionSlot:
    """The slot of one connection."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self.scope = trio.CancelScope()

    def used(self) -> None:
        """The connection was used just now, so others are closed before it."""
        self._connections.move_back(self)


def configuration() -> hypercorn.Config:
    """hypercorn's settings."""
    config = hypercorn.Config()
    config.keep_alive_timeout = HEAD_SECONDS
    config.ssl_handshake_timeout = HANDSHAKE_SECONDS
    # Given a name instead, it would write to standard error in a form of its own.
    config.errorlog = logging.getLogger("hypercorn.error")
    config.accesslog = None
    config.include_server_header = False
    return config


class Connection(TCPServer):
    """One connection."""

    requests: Requests
    slot: ConnectionSlot

    async def run(self) -> None:
        """Answer requests until one side ends the connection."""
        self.requests = Requests(self.config.h11_max_incomplete_size)
        self._unread = self._disconnected = False
        self._secure = isinstance(self.stream, trio.SSLStream)
        try:
            if await self._open():
                self.slot.used()
                while await self._exchange():
                    self.slot.used()
        except Exception as error:
            bug("connection", "", error)  # others go on, whatever one client has done
        finally:
            await self._close()

    async def read(self) -> bool:
        """Read more pieces of requests; False when the client has gone."""
        try:
            data = await self.stream.receive_some(MAX_RECV)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            data = b""
        if data:
            self.requests.feed(bytes(data))
        else:
            self._disconnected = True
        return not self._disconnected

    async def disconnected(self) -> None:
        """Return when the client has disconnected; what it sends meanwhile is not read beyond one request."""
        while await self.read():
            if self.requests.pieces:
                await trio.sleep_forever()

    async def write(self, data: bytes) -> None:
        """Send bytes within `SEND_SECONDS`; nothing to a client that has disconnected."""
        if self._disconnected:
            return
        with (
            trio.move_on_after(SEND_SECONDS),
            suppress(trio.BrokenResourceError, trio.ClosedResourceError),
        ):
            await self.stream.send_all(data)
            return
        self._disconnected = True
        await trio.aclose_forcefully(self.stream)

    def headers(self) -> Headers:
        """What stands in every response."""
        return self.config.response_headers("h11")

    def asgi(self, exchange: Exchange, reply: Reply) -> HTTPStream:
        """hypercorn's part of an exchange."""
        tasks = cast(TaskGroup, exchange)
        client, server = self._peers
        return HTTPStream(
            self.app, self.config, self.context, tasks, self._secure, client, server, reply.take, STREAM
        )

    async def _open(self) -> bool:
        """Whether there is a client, after the handshake."""
        try:
            if self._secure:
                with trio.fail_after(self.config.ssl_handshake_timeout):
                    await self.stream.do_handshake()
            plain = self.stream.transport_stream.socket if self._secure else self.stream.socket
            names = plain.getpeername(), plain.getsockname()
        except (trio.BrokenResourceError, trio.TooSlowError, OSError):
            return False
        self._peers = [parse_socket_addr(plain.family, name) for name in names]
        return True

    async def _exchange(self) -> bool:
        """One request and its answer; whether another one may follow."""
        piece = await self._next()
        if isinstance(piece, RequestHead):
            self.slot.used()
            exchange = Exchange(piece, self)
            lasting = await exchange.run(self.app)
            self._unread = not exchange.complete
            return lasting and not self._disconnected
        if isinstance(piece, Mark):
            self._unread = True
            await Reply(NONE, self.write, self.headers()).refuse(400 if piece is Mark.BAD else 431)
        return False

    async def _next(self) -> Piece | None:
        """The next request's head, a complaint, or None when there will be none."""
        with trio.move_on_after(self.config.keep_alive_timeout):
            while not self.requests.pieces:
                if not await self.read():
                    return None
            return self.requests.pieces.popleft()
        return None

    async def _close(self) -> None:
        """Read what the client still sends: else the close would reset the connection and lose the answer."""
        transport = self.stream.transport_stream if self._secure else self.stream
        if self._unread and not self._disconnected:
            with (
                trio.move_on_after(CLOSE_SECONDS),
                suppress(trio.BrokenResourceError, trio.ClosedResourceError),
            ):
                while await transport.receive_some(MAX_RECV):
                    pass
        await trio.aclose_forcefully(self.stream)


async def serve_connections(
    app: Any, listeners: Sequence[trio.SocketListener], context: ssl.SSLContext | None = None
) -> None:
    """Answer an ASGI application's requests until cancelled; with a context over TLS."""
    make = partial(Connection, app, configuration(), WorkerContext(None), ConnectionState({}))
    connections = Connections(limit())

    async def handler(stream: Any) -> None:
        with connections.slot() as slot:
            connection = make(stream)
            connection.slot = slot
            await connection.run()

    if context is None:
        await trio.serve_listeners(handler, list(listeners))
    else:
        secure = [trio.SSLListener(each, context, https_compatible=True) for each in listeners]
        await trio.serve_listeners(handler, secure)
