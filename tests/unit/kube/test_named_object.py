"""One object is followed by its name, whatever happens between two requests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import msgspec
import pytest
import trio
import trio.testing

from reverser.kube.client import Client
from reverser.kube.errors import ApiError, Forbidden, NotFound
from reverser.kube.named_object import Follower, NamedObject
from reverser.kube.watch_events import LineReader

SECRET = NamedObject("/api/v1/namespaces/shop/secrets", "creds")


class Server:
    """Has the object, and deletes it right after it was read for the first time."""

    def __init__(self, *, may_watch: bool = True, failures: int = 0) -> None:
        self.version: int | None = 5
        self.may_watch = may_watch
        self.failures = failures
        self.watches: list[trio.MemorySendChannel[bytes]] = []
        self.read: list[str] = []
        self.errors: list[str] = []

    async def get(self, path: str, *, accept: str, into: Any) -> Any:
        await trio.lowlevel.checkpoint()
        assert path == f"{SECRET.collection}/creds"
        if self.failures:
            self.failures -= 1
            raise ApiError(500, "", "away")
        if self.version is None:
            raise NotFound(404, "NotFound", "no")
        document = {"metadata": {"name": "creds", "resourceVersion": str(self.version)}}
        self.version = None
        for watch in self.watches:
            event = {"type": "DELETED", "object": {"metadata": {"resourceVersion": "6"}}}
            watch.send_nowait(msgspec.json.encode(event) + b"\n")
        return document

    @asynccontextmanager
    async def stream(self, path: str, params: Any, **_: Any) -> AsyncIterator[LineReader]:
        await trio.lowlevel.checkpoint()
        assert params["fieldSelector"] == "metadata.name=creds"
        if not self.may_watch:
            raise Forbidden(403, "Forbidden", "no watch")
        send, receive = trio.open_memory_channel[bytes](10)
        if self.version is not None:
            obj = {"metadata": {"resourceVersion": str(self.version)}}
            send.send_nowait(msgspec.json.encode({"type": "ADDED", "object": obj}) + b"\n")
        self.watches.append(send)
        yield LineReader(receive)
        self.watches.remove(send)

    def on_read(self, document: dict[str, Any] | None) -> None:
        self.read.append(document["metadata"]["resourceVersion"] if document else "none")


@pytest.mark.parametrize(
    "server", [Server(), Server(may_watch=False), Server(failures=3)], ids=["watched", "polled", "failing"]
)
async def test_a_change_right_after_the_read_is_noticed(
    server: Server, autojump_clock: trio.testing.MockClock
) -> None:
    """Soon by watching, at the next minute without the right to watch, and after failures."""
    follower = Follower(
        cast("Client", server), SECRET, server.on_read, lambda error: server.errors.append(error.message)
    )
    async with trio.open_nursery() as nursery:
        nursery.start_soon(follower.run)
        with trio.fail_after(100):
            while "none" not in server.read:
                await trio.sleep(1)
        nursery.cancel_scope.cancel()

    assert server.read[:2] == ["5", "none"]
    assert set(server.errors) <= {"away"}
