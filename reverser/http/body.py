"""A request's body, counted while it is read, and unpacked no further than the limit.

What a client may cost is bounded in both directions: memory by the limit, also for a small body
that unpacks to a huge one, and time by a deadline, also for a client that sends a byte now and then.
"""

from __future__ import annotations

import enum
import zlib
from collections.abc import Callable
from typing import Protocol

import trio

from reverser.http.asgi import Receive


class Refusal(enum.Enum):
    """Why there is no body."""

    LARGE = "too-large"
    SLOW = "slow"
    GONE = "gone"
    """The client went away: nobody reads an answer."""
    CODING = "coding"
    """Not the compression that its header names, or one that we do not know."""


class Body:
    """One request's body."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._more = True
        self._gone = False

    async def read(self, coding: bytes, limit: int, seconds: float) -> bytes | Refusal:
        """All of it as it was meant, at most `limit` bytes. A refusal is told without reading on."""
        make = _CODINGS.get(coding)
        if make is None:
            return Refusal.CODING
        with trio.move_on_after(seconds):
            try:
                return await self._read(make(), limit)
            except zlib.error:
                return Refusal.CODING
        return Refusal.SLOW

    async def drain(self, seconds: float) -> Refusal | None:
        """Read on and forget, so that the answer finds a client that listens. None: to the end."""
        with trio.move_on_after(seconds):
            while self._more:
                await self._part()
            return Refusal.GONE if self._gone else None
        return Refusal.SLOW

    async def _read(self, coding: _Coding, limit: int) -> bytes | Refusal:
        parts, size = list[bytes](), 0
        while self._more:
            part = coding.feed(await self._part(), limit - size + 1)
            if self._gone:
                return Refusal.GONE
            size += len(part)
            if size > limit:
                return Refusal.LARGE
            parts.append(part)
        coding.end()
        return b"".join(parts)

    async def _part(self) -> bytes:
        message = await self._receive()
        self._gone = message["type"] == "http.disconnect"
        self._more = message.get("more_body", False)
        part: bytes = message.get("body", b"")
        return part


class _Coding(Protocol):
    """Takes what was sent; gives what was meant, cut off above `room` bytes."""

    def feed(self, data: bytes, room: int) -> bytes: ...

    def end(self) -> None: ...


class _Plain:
    def feed(self, data: bytes, room: int) -> bytes:
        return data[:room]

    def end(self) -> None:
        return


class _Gzip:
    """One member and nothing behind it. Raises zlib.error for what is not gzip, or not all of it."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(zlib.MAX_WBITS | 16)

    def feed(self, data: bytes, room: int) -> bytes:
        part = self._member.decompress(data, room)
        if self._member.unused_data:
            raise zlib.error("something is behind the end")
        return part

    def end(self) -> None:
        if not self._member.eof:
            raise zlib.error("the end is missing")


_CODINGS: dict[bytes, Callable[[], _Coding]] = {
    b"": _Plain,
    b"identity": _Plain,
    b"gzip": _Gzip,
    b"x-gzip": _Gzip,
}
