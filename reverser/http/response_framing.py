"""The bytes of one response: its head, the frame of its body, and what they mean for the connection.

A body whose length is not announced is sent in chunks; HTTP/1.0 knows none, there it ends with the
connection. No I/O.
"""

from __future__ import annotations

from http import HTTPStatus

from reverser.http.request_parser import Head, Headers

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
BODILESS = (204, 304)

_LINES = {each.value: f"HTTP/1.1 {each.value} {each.phrase}".encode() for each in HTTPStatus}


class Framing:
    """Of the response to one request."""

    def __init__(self, request: Head, status: int, headers: Headers, *, last: bool) -> None:
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
