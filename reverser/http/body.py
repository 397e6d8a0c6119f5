"""A request's body, counted while it is read, and decompressed no further than the limit.

What a client may cost is bounded in three directions: the memory of one body by the limit, also for a small
body that decompresses to a huge one; the memory of all bodies of an endpoint by its budget; and time by a
deadline, also for a client that sends a byte now and then. A compressed body is decompressed when all of it
has arrived: until then it costs what was sent and no more.

Each request takes from the budget what it holds, and returns all of it when it is answered. A request that
gets no more is refused; the API server sends an audit batch again. Admission and audit have a budget each, so
that neither can use up the other's.
"""

from __future__ import annotations

import enum
import zlib
from collections.abc import Callable, Iterator
from types import TracebackType

import trio

from reverser.http.asgi import Receive

PACKED_BYTES = 64 * 1024
"""How much is unpacked in one call: the rest of it is copied after each part that comes out."""
PART_BYTES = 256 * 1024
"""How much comes out in one call; others have their turn after it."""


class Budget:
    """Bytes for all requests of one endpoint."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self.held_bytes = 0
        """By all requests that are not answered yet."""

    def share(self) -> Share:
        """What one request holds; nothing at first."""
        return Share(self)

    def take(self, count: int) -> bool:
        """Hold so many bytes more; False when that is too much, and none is held then."""
        if self.held_bytes + count > self._max_bytes:
            return False
        self.held_bytes += count
        return True

    def give(self, count: int) -> None:
        """Hold so many bytes less."""
        self.held_bytes -= count


class Share:
    """The bytes that one request holds of a budget, until the block ends."""

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._held_bytes = 0

    def __enter__(self) -> Share:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.give_all()

    def take(self, count: int) -> bool:
        """Hold so many bytes more, if the budget allows it."""
        taken = self._budget.take(count)
        self._held_bytes += count if taken else 0
        return taken

    def give(self, count: int) -> None:
        """Hold so many bytes less."""
        self._budget.give(count)
        self._held_bytes -= count

    def give_all(self) -> None:
        """Hold nothing."""
        self.give(self._held_bytes)


class BodyRefusal(enum.Enum):
    """Why there is no body."""

    LARGE = "too-large"
    FULL = "busy"
    """Other bodies hold all that may be held; later there will be room."""
    SLOW = "slow"
    DISCONNECTED = "gone"
    """The client went away: nobody reads an answer."""
    CODING = "coding"
    """Not the compression that its header names, or one that we do not know."""


class Body:
    """One request's body; what it holds is counted in `share`, whose owner gives it back."""

    def __init__(self, receive: Receive, share: Share) -> None:
        self._receive = receive
        self._share = share
        self._more = True
        self._disconnected = False

    async def read(self, coding: bytes, limit: int, seconds: float) -> bytes | BodyRefusal:
        """The whole body, decompressed, of at most `limit` bytes; a refused body is read no further, and
        releases its memory.
        """
        content: bytes | BodyRefusal = BodyRefusal.SLOW
        with trio.move_on_after(seconds):
            content = await self._read(coding, limit)
        if isinstance(content, BodyRefusal):
            self._share.give_all()
        return content

    async def drain(self, seconds: float) -> BodyRefusal | None:
        """Read on and forget, so that the answer finds a client that listens. None: to the end."""
        with trio.move_on_after(seconds):
            while self._more:
                await self._part()
            return BodyRefusal.DISCONNECTED if self._disconnected else None
        return BodyRefusal.SLOW

    async def _read(self, coding: bytes, limit: int) -> bytes | BodyRefusal:
        if coding not in _CODINGS:
            return BodyRefusal.CODING
        unpack = _CODINGS[coding]
        sent = await self._sent(limit)
        if isinstance(sent, BodyRefusal) or unpack is None:
            return sent
        try:
            content = await self._unpacked(unpack(sent), limit)
        except zlib.error:
            return BodyRefusal.CODING
        self._share.give(len(sent))
        return content

    async def _sent(self, limit: int) -> bytes | BodyRefusal:
        """What the client sent, to its end."""
        parts, size = list[bytes](), 0
        while self._more:
            part = await self._part()
            if self._disconnected:
                return BodyRefusal.DISCONNECTED
            size += len(part)
            if size > limit:
                return BodyRefusal.LARGE
            if not self._share.take(len(part)):
                return BodyRefusal.FULL
            parts.append(part)
        return b"".join(parts)

    async def _unpacked(self, coming: Iterator[bytes], limit: int) -> bytes | BodyRefusal:
        parts, size = list[bytes](), 0
        for part in coming:
            size += len(part)
            if size > limit:
                return BodyRefusal.LARGE
            if not self._share.take(len(part)):
                return BodyRefusal.FULL
            parts.append(part)
            await trio.lowlevel.checkpoint()
        return b"".join(parts)

    async def _part(self) -> bytes:
        message = await self._receive()
        self._disconnected = message["type"] == "http.disconnect"
        self._more = message.get("more_body", False)
        part: bytes = message.get("body", b"")
        return part


def _gunzip(sent: bytes) -> Iterator[bytes]:
    """The content of one member with nothing behind it, in parts.

    Raises zlib.error for what is not gzip, or not all of it.
    """
    member = zlib.decompressobj(zlib.MAX_WBITS | 16)
    for start in range(0, len(sent), PACKED_BYTES):
        packed, full = sent[start : start + PACKED_BYTES], True
        while full:  # a part that is not full was the last of these bytes
            part = member.decompress(packed, PART_BYTES)
            full, packed = len(part) == PART_BYTES, member.unconsumed_tail
            yield part
        if member.unused_data:
            raise zlib.error("something is behind the end")
    if not member.eof:
        raise zlib.error("the end is missing")


_CODINGS: dict[bytes, Callable[[bytes], Iterator[bytes]] | None] = {
    b"": None,
    b"identity": None,
    b"gzip": _gunzip,
    b"x-gzip": _gunzip,
}
