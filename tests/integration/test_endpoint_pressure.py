"""Bad clients of the webhook listener: each is refused or ended, and nobody waits for them.

Not those who ask properly meanwhile, and not the daemon when it ends.
"""

from __future__ import annotations

import gzip
import logging
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack
from itertools import cycle
from pathlib import Path

import msgspec
import pytest
import trio

from reverser.http import connection
from reverser.webhook.address import ADMISSION_PATH, AUDIT_PATH
from tests.golden.recorded import event_list, review_body
from tests.integration.endpoints import (
    ADMISSION_BYTES,
    AUDIT_BYTES,
    BOUND_SECONDS,
    GOOD,
    Endpoints,
    answered,
    asked,
    chunked,
    head,
    request,
)

SHORT_SECONDS = 0.5
REVIEW, BATCH = review_body(GOOD), event_list(GOOD)
HALF = {
    "silent": b"",
    "head": head(ADMISSION_PATH)[:-20],
    "body": request(ADMISSION_PATH, REVIEW)[:-20],
    "audit-body": request(AUDIT_PATH, BATCH)[:-20],
    "chunk": head(ADMISSION_PATH, b"Transfer-Encoding: chunked") + chunked(REVIEW, 100)[:-40],
    "chunk-size": head(AUDIT_PATH, b"Transfer-Encoding: chunked") + b"ff",
    "too-large": head(AUDIT_PATH, b"Content-Length: 10000000") + b"x" * (AUDIT_BYTES + 1),
    "waits-for-100": head(ADMISSION_PATH, b"Content-Length: 10", b"Expect: 100-continue"),
}
ENDLESS = {
    "head": (head(ADMISSION_PATH)[:-2] + b"X: ", b"x"),
    "body": (head(ADMISSION_PATH, b"Content-Length: 1000"), b" "),
    "audit-body": (head(AUDIT_PATH, b"Content-Length: 1000"), b" "),
    "chunks": (head(AUDIT_PATH, b"Transfer-Encoding: chunked"), b"1\r\n \r\n"),
}
"""How a request begins, and what is sent of it now and then."""


@pytest.fixture
async def endpoints(tmp_path: Path) -> AsyncIterator[Endpoints]:
    """A listener with the limits of the product."""
    async with Endpoints.open(tmp_path) as running:
        yield running


@pytest.fixture
async def impatient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Endpoints]:
    """A listener that waits for no request for long; after a handshake it is a good client's turn."""
    monkeypatch.setattr(connection, "HEAD_SECONDS", 2 * SHORT_SECONDS)
    async with Endpoints.open(tmp_path, SHORT_SECONDS) as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_wrong(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No client makes the listener fail."""
    yield
    assert [line for line in caplog.records if line.levelno >= logging.ERROR] == []


@pytest.mark.parametrize("half", HALF.values(), ids=HALF)
async def test_half_a_request_keeps_nobody_waiting(endpoints: Endpoints, half: bytes) -> None:
    """However many send half a request and fall silent, others are answered, and the end comes at once."""
    async with AsyncExitStack() as stack:
        for _ in range(20):
            stream = await stack.enter_async_context(endpoints.secure())
            await stream.send_all(half)
        await endpoints.well()
        await endpoints.end()


@pytest.mark.parametrize("half", HALF.values(), ids=HALF)
async def test_half_a_request_is_ended(impatient: Endpoints, half: bytes) -> None:
    """After a while it is refused, and its connection closed."""
    async with impatient.secure() as stream:
        await stream.send_all(half)
        assert await refused(stream) in (0, 408)
    await impatient.alone()


@pytest.mark.parametrize(("start", "part"), ENDLESS.values(), ids=ENDLESS)
async def test_a_request_that_never_ends_is_ended(impatient: Endpoints, start: bytes, part: bytes) -> None:
    """A byte now and then buys no time, and keeps nobody waiting."""
    async with impatient.secure() as stream, trio.open_nursery() as nursery:
        nursery.start_soon(trickle, stream, start, part)
        await impatient.well()
        assert await refused(stream) in (0, 408)
        nursery.cancel_scope.cancel()
    await impatient.alone()


async def trickle(stream: trio.abc.Stream, start: bytes, part: bytes) -> None:
    """Send the part again and again, until nobody listens."""
    try:
        await stream.send_all(start)
        for each in cycle([part]):
            await stream.send_all(each)
            await trio.sleep(0.02)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        return


async def refused(stream: trio.abc.Stream) -> int:
    """The status of the refusal, 0 without one; returns when the connection is closed."""
    with trio.fail_after(BOUND_SECONDS):
        reply = await answered(stream)
        if reply.status == 100:
            reply = await answered(stream)
        while reply.status and (await answered(stream)).status:
            continue
    return reply.status


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"hello"], ids=["none", "http", "half"]
)
async def test_a_handshake_that_never_ends_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: bytes
) -> None:
    """Nothing, half of a hello, and plain HTTP are no TLS: the connection is closed, others are served."""
    monkeypatch.setattr(connection, "HANDSHAKE_SECONDS", 2.0)
    async with Endpoints.open(tmp_path) as endpoints, AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(await endpoints.plain()) for _ in range(20)]
        for stream in streams:
            await stream.send_all(hello()[:50] if sent == b"hello" else sent)
        await endpoints.well()
        for stream in streams:
            with trio.fail_after(BOUND_SECONDS):
                assert b"HTTP" not in await everything(stream)
    await endpoints.alone()


def hello() -> bytes:
    """The first bytes of a TLS client."""
    outgoing = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


async def everything(stream: trio.SocketStream) -> bytes:
    """What comes until the end."""
    text = b""
    try:
        while part := await stream.receive_some(1000):
            text += part
    except trio.BrokenResourceError:
        pass
    return text


async def test_many_idle_connections_keep_nobody_waiting(endpoints: Endpoints) -> None:
    """Two hundred that were used once and are kept; they can be used again, and the end comes at once."""
    async with AsyncExitStack() as stack:
        streams = [await stack.enter_async_context(endpoints.secure()) for _ in range(200)]
        for stream in streams:
            assert (await asked(stream, request(ADMISSION_PATH, REVIEW))).status == 200
        await endpoints.well()
        assert (await asked(streams[0], request(ADMISSION_PATH, REVIEW))).status == 200
        await endpoints.end()


async def test_idle_connections_are_ended(impatient: Endpoints) -> None:
    """After a while, also when they were used."""
    async with impatient.secure() as stream:
        assert (await asked(stream, request(ADMISSION_PATH, REVIEW))).status == 200
        assert await refused(stream) == 0
    await impatient.alone()


@pytest.mark.parametrize("cut", [0, 20, 150, -1, None], ids=["hello", "head", "body", "last-byte", "answer"])
async def test_clients_that_go_away_leave_nothing(endpoints: Endpoints, cut: int | None) -> None:
    """Wherever they stop: no connection, no fact of half a request, and no error."""
    sent = request(ADMISSION_PATH, REVIEW)[:cut]
    for _ in range(20):
        async with endpoints.secure() as stream:
            await stream.send_all(sent)
    await endpoints.alone()

    assert not endpoints.facts or cut is None
    await endpoints.well()


async def test_pipelined_requests_are_answered_in_order(endpoints: Endpoints) -> None:
    """Each with its own uid, also when they come in one piece."""
    names = [f"review-{number}" for number in range(50)]
    uid = msgspec.json.decode(REVIEW)["request"]["uid"].encode()
    async with endpoints.secure() as stream:
        await stream.send_all(
            b"".join(request(ADMISSION_PATH, REVIEW.replace(uid, name.encode())) for name in names)
        )
        replies = await in_a_row(stream, len(names))

    assert [msgspec.json.decode(reply)["response"]["uid"] for reply in replies] == names


async def in_a_row(stream: trio.abc.Stream, count: int) -> list[bytes]:
    """The bodies of so many answers of one connection."""
    text, found = b"", list[bytes]()
    with trio.fail_after(BOUND_SECONDS):
        while len(found) < count:
            start, end, rest = text.partition(b"\r\n\r\n")
            length = int(start.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
            if end and len(rest) >= length:
                found.append(rest[:length])
                text = rest[length:]
            else:
                text += await stream.receive_some(65536)
    return found


async def test_a_client_that_never_reads_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks and asks and does not read fills some buffers, and is cut off."""
    monkeypatch.setattr(connection, "SEND_SECONDS", SHORT_SECONDS)
    async with Endpoints.open(tmp_path) as endpoints, endpoints.secure(receive_bytes=4096) as stream:
        asking = request("/nowhere", b"", method="GET") * 1000
        with trio.fail_after(3 * BOUND_SECONDS):
            await until_ended(stream, asking)
        await endpoints.well()


async def until_ended(stream: trio.abc.Stream, sent: bytes) -> None:
    """Send the same, and read nothing, until the connection is closed."""
    while True:
        try:
            await stream.send_all(sent)
        except trio.BrokenResourceError:
            return


TABLE: dict[str, tuple[int, tuple[bytes, ...]]] = {
    "method": (405, (head(ADMISSION_PATH, method="GET"),)),
    "audit-method": (405, (head(AUDIT_PATH, method="GET"),)),
    "head": (405, (head(AUDIT_PATH, method="HEAD"),)),
    "path": (404, (request("/nowhere", REVIEW),)),
    "root": (404, (request("/", REVIEW),)),
    "two-slashes": (404, (request("//audit", REVIEW),)),
    "no-slash": (400, (request("audit", REVIEW),)),
    "hostile-path": (200, (request("/audit/..%2f%ff%00%0d%0a", BATCH),)),
    "asterisk": (404, (head("*", method="OPTIONS"),)),
    "authority": (404, (head("127.0.0.1:443", method="CONNECT"),)),
    "absolute": (404, (request("https://127.0.0.1/audit", BATCH),)),
    "content-type": (415, (request(ADMISSION_PATH, REVIEW).replace(b"/json", b"/yaml"),)),
    "announced": (413, (head(ADMISSION_PATH, b"Content-Length: 999999999999999999"),)),
    "large": (413, (request(ADMISSION_PATH, b" " * (ADMISSION_BYTES + 1)),)),
    "large-chunks": (
        413,
        (
            head(ADMISSION_PATH, b"Transfer-Encoding: chunked"),
            chunked(b" " * 10 * ADMISSION_BYTES, 9000),
        ),
    ),
    "audit-large": (200, (request(AUDIT_PATH, b" " * 10 * AUDIT_BYTES),)),
    "audit-large-chunks": (
        200,
        (head(AUDIT_PATH, b"Transfer-Encoding: chunked"), chunked(b" " * 10 * AUDIT_BYTES, 9000)),
    ),
    "bomb": (
        413,
        (request(ADMISSION_PATH, gzip.compress(b" " * 30_000_000), b"Content-Encoding: gzip"),),
    ),
    "audit-bomb": (
        200,
        (request(AUDIT_PATH, gzip.compress(b" " * 30_000_000), b"Content-Encoding: gzip"),),
    ),
    "unread-body": (404, (head("/nowhere", b"Content-Length: 3000000"), b" " * 3_000_000)),
    "unread-chunks": (
        404,
        (head("/nowhere", b"Transfer-Encoding: chunked") + chunked(b" " * 10_000, 1),),
    ),
    "web-socket": (
        405,
        (
            head(
                AUDIT_PATH,
                b"Upgrade: websocket",
                b"Connection: Upgrade",
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
                b"Sec-WebSocket-Version: 13",
                method="GET",
            ),
        ),
    ),
    "h2c": (
        405,
        (
            head(
                AUDIT_PATH,
                b"Upgrade: h2c",
                b"Connection: Upgrade, HTTP2-Settings",
                b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
                method="GET",
            ),
        ),
    ),
}


@pytest.mark.parametrize(("status", "parts"), TABLE.values(), ids=TABLE)
async def test_what_is_refused(endpoints: Endpoints, status: int, parts: Sequence[bytes]) -> None:
    """Everything has its answer, which is never an error of ours, and leaves nothing behind."""
    assert (await endpoints.ask(*parts)).status == status

    await endpoints.well()
    await endpoints.alone()


BROKEN = {
    "http-2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
    "not-http": b"\x16\x03\x01\r\n\r\n",
    "no-version": b"GET /\r\n\r\n",
    "no-host": b"POST /audit HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
    "long-head": head(AUDIT_PATH, b"X: " + b"x" * 200_000, b"Content-Length: 0"),
    "many-headers": head(AUDIT_PATH, *[b"X: y"] * 50_000, b"Content-Length: 0"),
    "negative-length": head(AUDIT_PATH, b"Content-Length: -5"),
    "two-lengths": head(AUDIT_PATH, b"Content-Length: 5", b"Content-Length: 6") + b"{}",
    "no-chunk": head(AUDIT_PATH, b"Transfer-Encoding: chunked") + b"zz\r\n\r\n",
    "other-transfer-coding": head(AUDIT_PATH, b"Transfer-Encoding: gzip") + b"x",
    "null": head(AUDIT_PATH, b"A: b\r\n c: d\0"),
}


@pytest.mark.parametrize("sent", BROKEN.values(), ids=BROKEN)
async def test_broken_http_is_ended(endpoints: Endpoints, sent: bytes) -> None:
    """With a refusal, or without one; the connection is closed."""
    async with endpoints.secure() as stream, trio.open_nursery() as nursery:
        nursery.start_soon(sent_once, stream, sent)
        status = await refused(stream)

    assert status == 0 or 400 <= status < 500 or status in (501, 505)
    await endpoints.alone()
    await endpoints.well()


async def sent_once(stream: trio.abc.Stream, sent: bytes) -> None:
    """A client that is cut off in the middle has nothing more to say."""
    try:
        await stream.send_all(sent)
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        return
