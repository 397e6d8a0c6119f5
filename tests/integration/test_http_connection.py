"""Promises of a listener: it is there when it says so, and no client can keep it from ending."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import pytest
import trio

from reverser.errors import ConfigError
from reverser.http import connection
from reverser.http.server import serve

HALF = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf"
ASKING = b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n"
ENDS_SECONDS = 10


async def _app(scope: Any, receive: Any, send: Any) -> None:
    """Reads the whole body, then answers with little, or with more than any socket buffers."""
    while (await receive()).get("more_body"):
        pass
    body = b"x" * 50_000_000 if scope["path"] == "/large" else b"ok"
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def _serving(bind: str = "127.0.0.1:0") -> AsyncIterator[str]:
    """A listener that must end in time, whatever its clients do."""
    with trio.CancelScope() as bound:
        async with trio.open_nursery() as nursery:
            yield await nursery.start(serve, _app, bind, "operations.bind")
            bound.deadline = trio.current_time() + ENDS_SECONDS
            nursery.cancel_scope.cancel()
    assert not bound.cancelled_caught, "the listener did not end"


async def _get(url: str) -> int:
    async with httpx.AsyncClient() as client:
        return (await client.get(url)).status_code


async def _client(url: str, data: bytes) -> trio.SocketStream:
    stream = await trio.open_tcp_stream("127.0.0.1", int(url.rpartition(":")[2]))
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    await stream.send_all(data)
    return stream


async def test_answers_as_soon_as_it_has_a_url() -> None:
    """Who is told the URL can ask there."""
    async with _serving() as url:
        assert await _get(url) == 200


async def test_an_address_in_use_is_a_problem_of_the_configuration() -> None:
    """An address that cannot be bound names its key."""
    async with _serving() as url:
        with pytest.RaisesGroup(pytest.RaisesExc(ConfigError, match="operations.bind: cannot listen")):
            async with trio.open_nursery() as nursery:
                await nursery.start(serve, _app, url.removeprefix("http://"), "operations.bind")


@pytest.mark.parametrize(
    "data", [b"", b"GET / HTT", HALF, ASKING], ids=["silent", "head", "half", "never-reads"]
)
async def test_no_client_holds_up_the_others_or_the_end(data: bytes) -> None:
    """A client that sends half a request, or never reads its answer, costs nobody else anything."""
    async with _serving() as url:
        streams = [await _client(url, data) for _ in range(20)]
        assert await _get(url) == 200
    for stream in streams:
        await stream.aclose()


async def test_a_client_that_never_reads_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a while the connection of a client that does not read is closed."""
    monkeypatch.setattr(connection, "SEND_SECONDS", 0.2)
    async with _serving() as url:
        stream = await _client(url, ASKING)
        await trio.sleep(1)  # what such a client does
        received = 0
        with trio.fail_after(ENDS_SECONDS), suppress(trio.BrokenResourceError):
            while data := await stream.receive_some(1_000_000):
                received += len(data)
        assert received < 50_000_000
        await stream.aclose()
