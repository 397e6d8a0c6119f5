"""Bytes of one connection in, requests in pieces out: a head, parts of a body, an end. No I/O.

httptools (llhttp, the parser of Node.js) reads strictly: two lengths, a length and chunks, folded
or bare lines, odd characters are all refused. What it must not do is set here:

- Hold much. Bytes that bring no piece (an endless head, chunk extension or trailer) are counted.
- Lead out of HTTP/1.1. A request for an upgrade is answered as if it had not asked, and is the last
  one of its connection. With a body it is refused: the parser takes that for the other protocol's.
"""

from __future__ import annotations

import enum
from collections import deque
from typing import TypeAlias

import msgspec
from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

Headers: TypeAlias = list[tuple[bytes, bytes]]

VERSIONS = ("1.0", "1.1")
FRAMING = frozenset((b"content-length", b"transfer-encoding"))


class RequestHead(msgspec.Struct, frozen=True):
    """The beginning of a request."""

    method: str
    target: bytes
    """As it was sent."""
    version: str
    """`1.0` or `1.1`."""
    headers: Headers
    """Names in lower case, in the order they came."""
    lasting: bool
    """Whether another request may follow on the connection."""
    waiting: bool
    """Whether the client waits for a 100 before it sends the body (`Expect: 100-continue`)."""


NONE = RequestHead("", b"", "1.1", [], lasting=False, waiting=False)
"""Stands for a request that cannot be read."""


class Mark(enum.Enum):
    """A piece that has no content."""

    END = "end"
    """The request is complete."""
    BAD = "bad"
    """What came is no HTTP/1.1. Nothing follows."""
    LONG = "long"
    """A head, or something else without use, that is too long. Nothing follows."""


Piece: TypeAlias = RequestHead | bytes | Mark


class Requests:
    """The parser of one connection."""

    def __init__(self, limit: int) -> None:
        self.pieces: deque[Piece] = deque()
        """What was read and not yet taken."""
        self._limit = limit
        self._silent = 0
        self._in_head = True
        self._target = b""
        self._headers: Headers = []
        self._parser = HttpRequestParser(self)

    def feed(self, data: bytes) -> None:
        """Read on. Pieces before a mistake are there; after BAD or LONG feed no more."""
        before = len(self.pieces)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            return  # of another protocol: the connection ends after the answer
        except HttpParserError:
            self.pieces.append(Mark.BAD)
        self._silent = 0 if len(self.pieces) > before else self._silent + len(data)
        if self._silent > self._limit:
            self.pieces.append(Mark.LONG)

    def on_message_begin(self) -> None:
        """Called by the parser, as what follows."""
        self._in_head, self._target, self._headers = True, b"", []

    def on_url(self, part: bytes) -> None:
        """The target may come in parts."""
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """Trailers come as headers, too."""
        if self._in_head:
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """The end of the head."""
        self._in_head = False
        self.pieces.append(self._head())

    def on_body(self, part: bytes) -> None:
        """A part of the body, without the frame of a chunk."""
        self.pieces.append(part)

    def on_message_complete(self) -> None:
        """The end of the request."""
        self.pieces.append(Mark.END)

    def _head(self) -> RequestHead | Mark:
        names, version = {name for name, _ in self._headers}, self._parser.get_http_version()
        upgrade = self._parser.should_upgrade()
        if version not in VERSIONS or (version == "1.1" and b"host" not in names):
            return Mark.BAD
        if upgrade and not FRAMING.isdisjoint(names):
            return Mark.BAD
        return RequestHead(
            method=self._parser.get_method().decode(),
            target=self._target,
            version=version,
            headers=self._headers,
            lasting=self._parser.should_keep_alive() and not upgrade,
            waiting=b"expect" in names and (b"expect", b"100-continue") in self._headers,
        )
