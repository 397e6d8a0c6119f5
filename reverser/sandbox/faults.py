"""The ways to fail.

A fault answers a request in the place of the API (`play`), or takes over the stream of a watch that
is already running (`take_over`). Which requests it is for, and how often, is the `script`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec
import trio

from reverser.sandbox.lines import error_line
from reverser.sandbox.refusal import CODES, Refusal, expired
from reverser.sandbox.stream import Stream


class Fault(Protocol):
    """One way to fail."""

    async def play(self, stream: Stream) -> None:
        """Answer a request."""

    async def take_over(self, stream: Stream) -> None:
        """Go on with a stream whose head is sent."""


class Answer(msgspec.Struct, frozen=True):
    """An HTTP status: 403, 410, 429, 500, 503, …"""

    status: int
    headers: Mapping[str, str] = {}
    """For example {"retry-after": "2"}."""

    async def play(self, stream: Stream) -> None:
        reason = next((reason for reason, code in CODES.items() if code == self.status), "InternalError")
        document = Refusal(reason, "scripted by the sandbox").document() | {"code": self.status}
        await stream.whole(self.status, msgspec.json.encode(document), headers=self.headers)

    async def take_over(self, stream: Stream) -> None:
        await stream.write(error_line(Refusal("InternalError", "scripted by the sandbox")))
        await stream.end()


class ExpiredInStream(msgspec.Struct, frozen=True):
    """200, and then one ERROR event with code 410."""

    async def play(self, stream: Stream) -> None:
        await stream.start()
        await self.take_over(stream)

    async def take_over(self, stream: Stream) -> None:
        await stream.write(error_line(expired(1, 2)))
        await stream.end()


class HalfLine(msgspec.Struct, frozen=True):
    """200, half an event, and the connection breaks."""

    async def play(self, stream: Stream) -> None:
        await stream.start()
        await self.take_over(stream)

    async def take_over(self, stream: Stream) -> None:
        await stream.write(b'{"type":"ADDED","object":{"kind":"Con')


class CleanClose(msgspec.Struct, frozen=True):
    """200, and a complete, empty body."""

    async def play(self, stream: Stream) -> None:
        await stream.start()
        await stream.end()

    async def take_over(self, stream: Stream) -> None:
        await stream.end()


class Silence(msgspec.Struct, frozen=True):
    """The connection stays open, and nothing comes."""

    head: bool = True
    """Whether at least the head of a response comes."""

    async def play(self, stream: Stream) -> None:
        if self.head:
            await stream.start()
        await trio.sleep_forever()

    async def take_over(self, stream: Stream) -> None:  # noqa: ARG002
        await trio.sleep_forever()


class Vanished(msgspec.Struct, frozen=True):
    """The matching groups are missing from discovery, and their paths are not found."""

    async def play(self, stream: Stream) -> None:
        await Answer(404).play(stream)

    async def take_over(self, stream: Stream) -> None:
        await stream.end()
