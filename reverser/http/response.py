"""What is sent in answer to one request: few sends, since each is a system call and a TLS record.

A head that announces the length waits for the body, which follows at once. One without is sent as
it is: what follows may take its time, as with a watch.

`Framing` makes the bytes: the head, the frame of the body, and what they mean for the connection.

A body whose length is not announced is sent in chunks; HTTP/1.0 knows none, there it ends with the
connection. No I/O.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import TypeAlias

from hypercorn.protocol.events import Body, EndBody, Event, Response

from reverser.http.request_parser import Headers, RequestHead

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
BODILESS = (204, 304)

_LINES = {each.value: f"HTTP/1.1 {each.value} {each.phrase}".encode() for each in HTTPStatus}


class Framing:
    """Of the response to one request."""

    def __init__(self, request: RequestHead, status: int, headers: Headers, *, last: bool) -> None:
        names = {name.lower() for name, _ in headers}
        bodiless = request.method == "HEAD" or status in BODILESS
        self.announced = bodiless or b"content-length" in names
        """Whether the head says how long the body is: then the two are best sent together."""
        self._chunked = not self.announced and request.version == "1.1"
        self.last = last or not (self.announced or self._chunked) or (b"connection", b"close") in headers
        """Whether no other response can follow on the connection."""
        more: Headers = [(b"transfer-encoding", b"chunked")] if self._chunked else []
        if self.last and b"connection" not in names:
            more.append((b"connection", b"close"))
        self.head = _head(status, [*headers, *more])

    def part(self, data: bytes) -> bytes:
        """A part of the body, which is not empty."""
        return b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data

    def end(self) -> bytes:
        """What tells that the body is complete."""
        return b"0\r\n\r\n" if self._chunked else b""


def _head(status: int, headers: Headers) -> bytes:
    """Raises ValueError for a header that would be more than one."""
    first = _LINES.get(status) or b"HTTP/1.1 %d " % status
    head = b"\r\n".join([first, *[b"%b: %b" % each for each in headers], b"", b""])
    if head.count(b"\n") != len(headers) + 2 or head.count(b"\r") != len(headers) + 2:
        raise ValueError("a header holds a line break")
    return head


STREAM = 1
"""HTTP/1.1 has one a connection."""
Write: TypeAlias = Callable[[bytes], Awaitable[None]]


class Reply:
    """The response to one request, as hypercorn's stream tells it."""

    def __init__(self, request: RequestHead, write: Write, common: Headers) -> None:
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
        """Whether a status was sent."""
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
