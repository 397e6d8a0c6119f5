"""One response as it is written: whole, or bit by bit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reverser.sandbox.request import Receive, Send

LINES_AT_ONCE = 500
"""So that a long initial list is sent in pieces that the client can already read."""


class Stream:
    """Writes one response."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send

    async def start(
        self,
        status: int = 200,
        content_type: str = "application/json",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Send the head; what follows is chunked."""
        pairs = {"content-type": content_type, **(headers or {})}
        encoded = [(name.encode(), value.encode()) for name, value in pairs.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": encoded})

    async def write(self, data: bytes) -> None:
        """Send a piece of the body."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def lines(self, lines: Sequence[bytes]) -> None:
        """Send many lines."""
        for start in range(0, len(lines), LINES_AT_ONCE):
            await self.write(b"".join(lines[start : start + LINES_AT_ONCE]))

    async def end(self) -> None:
        """The body is complete."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def whole(self, status: int, body: bytes, content_type: str = "application/json") -> None:
        """A complete response with its length."""
        await self.start(status, content_type, {"content-length": str(len(body))})
        await self._send({"type": "http.response.body", "body": body, "more_body": False})

    async def disconnected(self) -> None:
        """Return when the client has closed the connection."""
        while (await self._receive())["type"] != "http.disconnect":
            pass
