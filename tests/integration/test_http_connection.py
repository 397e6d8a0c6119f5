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


PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
WEBSOCKET = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
GET = b"GET / HTTP/1.1\r\nHost: x\r\n"


async def _told(stream: trio.SocketStream) -> bytes:
    """All that the server says until it closes."""
    received = b""
    with trio.fail_after(ENDS_SECONDS), suppress(trio.BrokenResourceError):
        while data := await stream.receive_some(65536):
            received += data
    await stream.aclose()
    return received


@pytest.mark.parametrize("data", [PREFACE, GET + H2C, GET + WEBSOCKET], ids=["h2", "h2c", "websocket"])
async def test_no_request_leads_to_another_protocol(data: bytes) -> None:
    """Who asks for HTTP/2 or a websocket is answered in HTTP/1.1, and the connection ends."""
    async with _serving() as url:
        told = await _told(await _client(url, data))

    assert told.startswith(b"HTTP/1.1 400" if data is PREFACE else b"HTTP/1.1 200")
    assert b"HTTP/1.1 101" not in told


async def test_a_client_that_leaves_is_let_go_at_once() -> None:
    """A connection that its client has closed is closed, before any timeout."""
    async with _serving() as url:
        stream = await _client(url, GET + b"\r\n")
        await stream.send_eof()

        assert (await _told(stream)).startswith(b"HTTP/1.1 200")


async def test_requests_that_follow_each_other_are_answered_in_order() -> None:
    """Also when they come before the first one is answered, with bodies of both kinds."""
    chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n\r\n"
    last = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    async with _serving() as url:
        told = await _told(await _client(url, chunked + GET + b"\r\n" + last))

    assert told.count(b"HTTP/1.1 200 OK") == 3
    assert told.count(b"\r\n2\r\nok\r\n0\r\n\r\n") == 3


async def test_a_client_that_waits_is_told_to_go_on() -> None:
    """`Expect: 100-continue` is answered when the application wants the body."""
    head = b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 4\r\n"
    async with _serving() as url:
        stream = await _client(url, head + b"Connection: close\r\n\r\n")
        with trio.fail_after(ENDS_SECONDS):
            assert await stream.receive_some(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        await stream.send_all(b"half")

        assert (await _told(stream)).startswith(b"HTTP/1.1 200")


async def test_an_application_that_fails_answers_500() -> None:
    """An application that raises answers 500, and the listener goes on."""

    async def failing(_scope: Any, _receive: Any, _send: Any) -> None:
        raise LookupError

    async with trio.open_nursery() as nursery:
        url = await nursery.start(serve, failing, "127.0.0.1:0", "operations.bind")
        for _ in range(2):
            assert await _get(url) == 500
        nursery.cancel_scope.cancel()


async def test_who_is_refused_while_sending_learns_why() -> None:
    """The answer to a request that is not read to its end arrives, though the client still sends."""

    async def refusing(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 413, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    async with trio.open_nursery() as nursery:
        url = await nursery.start(serve, refusing, "127.0.0.1:0", "operations.bind")
        stream = await _client(url, HALF)
        with suppress(trio.BrokenResourceError):
            await stream.send_all(b"x" * 2_000_000)
        await stream.send_eof()

        assert (await _told(stream)).startswith(b"HTTP/1.1 413")
        nursery.cancel_scope.cancel()
