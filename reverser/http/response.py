"""What is sent in answer to one request: few sends, since each is a system call and a TLS record.

A head that announces the length waits for the body, which follows at once. One without is sent as
it is: what follows may take its time, as with a watch.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from hypercorn.protocol.events import Body, EndBody, Event, Response

from reverser.http.request_parser import Head, Headers
from reverser.http.response_framing import Framing

STREAM = 1
"""HTTP/1.1 has one a connection."""
Write: TypeAlias = Callable[[bytes], Awaitable[None]]


class Reply:
    """The response to one request, as hypercorn's stream tells it."""

    def __init__(self, request: Head, write: Write, common: Headers) -> None:
        self._request = request
        self._write = write
        self._common = common
        self._framing: Framing | None = None
        self._held = b""
        self._ended = False
        self.last = not request.lasting
        """Whether no other response can follow on the connection."""

    @property
    def started(self) -> bool:
        """Whether a status was told."""
        return self._framing is not None

    @property
    def lasting(self) -> bool:
        """Whether it is complete, and another one may follow."""
        return self._ended and not self.last

    async def take(self, event: Event) -> None:
        """Send what an event says."""
        if isinstance(event, Response):
            await self._begin(event)
        elif self._framing is None:
            return
        elif isinstance(event, Body):
            await self._flush(self._framing.part(event.data))
        elif isinstance(event, EndBody):
            await self._flush(self._framing.end())
            self._ended = True

    async def refuse(self, status: int) -> None:
        """Answer with a status alone; nothing follows."""
        self.last = True
        await self.take(Response(STREAM, [(b"content-length", b"0")], status))
        await self.take(EndBody(STREAM))

    async def _begin(self, event: Response) -> None:
        headers = [*event.headers, *self._common]
        self._framing = Framing(self._request, event.status_code, headers, last=self.last)
        self.last = self._framing.last
        self._held = self._framing.head
        if not self._framing.announced:
            await self._flush(b"")

    async def _flush(self, data: bytes) -> None:
        data, self._held = self._held + data, b""
        if data:
            await self._write(data)
