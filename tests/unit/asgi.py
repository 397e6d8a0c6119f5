"""An ASGI server in memory: one request to an application, and what it answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec
import trio

App = Callable[..., Awaitable[None]]


class Response(msgspec.Struct):
    """What the application sent; status 0 when it sent nothing."""

    status: int = 0
    headers: dict[bytes, bytes] = {}
    body: bytes = b""


class Client:
    """Sends a body in chunks, then stays silent or goes away; counts what was taken."""

    def __init__(self, chunks: Sequence[bytes], *, whole: bool, gone: bool) -> None:
        self._chunks = list(chunks) or [b""]
        self._whole = whole
        self._gone = gone
        self.taken = 0
        self.response = Response()

    async def receive(self) -> dict[str, Any]:
        await trio.lowlevel.checkpoint()
        if self.taken < len(self._chunks):
            self.taken += 1
            more = self.taken < len(self._chunks) or not self._whole
            return {"type": "http.request", "body": self._chunks[self.taken - 1], "more_body": more}
        if not self._gone:
            await trio.sleep_forever()
        return {"type": "http.disconnect"}

    async def send(self, message: dict[str, Any]) -> None:
        await trio.lowlevel.checkpoint()
        if message["type"] == "http.response.start":
            assert not self.response.status
            self.response.status = message["status"]
            self.response.headers = dict(message["headers"])
        else:
            assert self.response.status
            self.response.body += message.get("body", b"")


async def post(
    app: App,
    path: str,
    *chunks: bytes,
    method: str = "POST",
    content_type: bytes = b"application/json",
    headers: Sequence[tuple[bytes, bytes]] = (),
    whole: bool = True,
    gone: bool = False,
) -> Client:
    """One request; `whole` says that the chunks are all of the body, `gone` that the client leaves then."""
    client = Client(chunks, whole=whole, gone=gone)
    given = [(b"content-type", content_type)] if content_type else []
    scope = {"type": "http", "method": method, "path": path, "headers": [*given, *headers]}
    await app(scope, client.receive, client.send)
    assert (
        client.response.status == 0
        or client.response.headers[b"content-length"] == str(len(client.response.body)).encode()
    )
    return client
