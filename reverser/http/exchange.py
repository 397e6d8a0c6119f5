"""One request, between a connection and an ASGI application.

hypercorn's stream keeps the rules of ASGI. Its own protocol would give each request a task, a
channel to it and two restarts of an idle timer, which take longer than all that an application does
here. So the application runs in the task of its connection, and pulls the body out of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from hypercorn.protocol.events import Request
from hypercorn.protocol.http_stream import HTTPStream
from hypercorn.typing import ConnectionState

from reverser.http.request_parser import Headers, Mark, RequestHead, Requests
from reverser.http.response import CONTINUE, STREAM, Reply
from reverser.unexpected_errors import bug

DISCONNECT = {"type": "http.disconnect"}


class Wire(Protocol):
    """What an exchange needs of its connection."""

    requests: Requests

    async def read(self) -> bool:
        """Wait for more of the request; False when the client has gone."""

    async def disconnected(self) -> None:
        """Return when the client has gone."""

    async def write(self, data: bytes) -> None:
        """Send, if the client is there."""

    def headers(self) -> Headers:
        """What stands in every response."""

    def asgi(self, exchange: Exchange, reply: Reply) -> HTTPStream:
        """hypercorn's part."""


class Exchange:
    """One request whose head has been read."""

    def __init__(self, head: RequestHead, wire: Wire) -> None:
        self._head = head
        self._wire = wire
        self._reply = Reply(head, wire.write, wire.headers())
        self._waiting = head.waiting
        self._broken = False
        self._scope: Any = None
        self._send: Any = None
        self.complete = False
        """Whether the request has been read to its end."""

    async def run(self, app: Any) -> bool:
        """Let the application answer; whether another request may follow.

        What it does not end is left without an end: then the connection must.
        """
        head = self._head
        request = Request(STREAM, head.headers, head.version, head.method, head.target, ConnectionState({}))
        await self._wire.asgi(self, self._reply).handle(request)
        try:
            await app(self._scope, self._receive, self._respond)
        except Exception as error:
            # Not with its text, which may quote what was sent.
            bug("request", self._scope["path"] if self._scope else "", error)
        finally:
            self._scope = self._send = None  # a circle, which the garbage collector would have to find
        if not self._reply.started:
            await self._reply.refuse(400 if self._broken else 500)
        self._take()
        return self.complete and self._reply.lasting

    async def spawn_app(
        self, _app: Any, _config: Any, scope: Any, send: Any
    ) -> Callable[[Any], Awaitable[None]]:
        """hypercorn's stream asks for a task that runs the application, and for a way to hand it the body."""
        self._scope, self._send = scope, send
        return _ignore

    async def _respond(self, message: Any) -> None:
        if message["type"] == "http.response.start" and not self._arrived():
            self._reply.last = True
        await self._send(message)

    async def _receive(self) -> dict[str, Any]:
        if self.complete:
            await self._wire.disconnected()
            return DISCONNECT
        if self._waiting and not self._wire.requests.pieces:
            await self._wire.write(CONTINUE)
        self._waiting = False
        while not self._wire.requests.pieces:
            if not await self._wire.read():
                return DISCONNECT
        body = self._take()
        return (
            DISCONNECT
            if self._broken
            else {"type": "http.request", "body": body, "more_body": not self.complete}
        )

    def _take(self) -> bytes:
        """What has arrived of the body."""
        pieces, parts = self._wire.requests.pieces, list[bytes]()
        while pieces and not self.complete and not self._broken:
            piece = pieces.popleft()
            if isinstance(piece, bytes):
                parts.append(piece)
            else:
                self.complete = piece is Mark.END
                self._broken = not self.complete
        return b"".join(parts)

    def _arrived(self) -> bool:
        """Whether the rest of the request is here: what is not might never come."""
        return self.complete or Mark.END in self._wire.requests.pieces


async def _ignore(_message: Any) -> None:
    """Its body is pulled instead."""
