"""Both webhooks as an API server meets them: the real applications, on a real port, over TLS."""

from __future__ import annotations

import socket
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from queue import Queue

import msgspec
import trio

from reverser.attribution.fact_index import Facts
from reverser.certs.self_managed import SelfManaged
from reverser.certs.tls_context import open_tls
from reverser.config.listeners import WebhookTls
from reverser.http.server import serve
from reverser.model.fact import Fact
from reverser.model.resource import ResourceType
from reverser.webhook.address import ADMISSION_PATH, AUDIT_PATH
from reverser.webhook.admission_endpoint import AdmissionEndpoint
from reverser.webhook.audit_endpoint import AuditEndpoint
from reverser.webhook.server import Router
from tests.catalogs import catalog
from tests.golden.recorded import event_list, review_body

ADMISSION_BYTES = 100_000
AUDIT_BYTES = 200_000
BOUND_SECONDS = 20
"""After which a client that waits calls it stuck."""
ENDS_SECONDS = 10
TYPE = ResourceType("apps", "v1", "deployments", "Deployment", namespaced=True)
GOOD = "deployment-update"
"""The recorded request that is asked to see whether all is well."""


class Reply(msgspec.Struct, frozen=True):
    """What came back for one request."""

    status: int = 0
    """0 when the connection was closed without an answer."""
    headers: dict[str, str] = {}
    body: bytes = b""
    """Perhaps cut off, when the connection was reset."""


class Endpoints:
    """The listener, what it was told, and clients of it."""

    def __init__(self, folder: Path, read_seconds: float, max_bytes: int) -> None:
        self.facts: list[Fact] = []
        self._index = Facts(count=1000)
        self.results: Counter[str] = Counter()
        self.port = 0
        self._serving = trio.CancelScope()
        self._ended = trio.Event()
        self._read_seconds = read_seconds
        self._before = 0
        self._applications = self._made(max_bytes)
        self.tls = open_tls(WebhookTls(), folder)
        self._trust = ssl.create_default_context(cadata=SelfManaged(folder, ()).ca_bundle().decode())

    @classmethod
    @asynccontextmanager
    async def open(
        cls, folder: Path, read_seconds: float = 10, max_bytes: int = AUDIT_BYTES
    ) -> AsyncIterator[Endpoints]:
        """Serving for as long as the context lasts; the end must come at once, whatever clients do.

        `max_bytes`: of an audit batch.
        """
        endpoints = cls(folder, read_seconds, max_bytes)
        async with trio.open_nursery() as nursery:
            endpoints.port = await nursery.start(endpoints._serve)
            endpoints._before = _sockets()
            yield endpoints
            await endpoints.end()

    async def end(self) -> None:
        """End the listener, as the daemon does; assert that it ends in time, whatever its clients do."""
        self._serving.cancel()
        with trio.move_on_after(ENDS_SECONDS):
            await self._ended.wait()
        assert self._ended.is_set(), "the listener did not end"

    def router(self) -> Router:
        """Both applications, with limits that a test can pass."""
        return Router(self._applications)

    async def held(self, path: str, count: int) -> None:
        """Return when the endpoint holds exactly so many bytes of bodies."""
        budget = self._applications[path].budget
        with trio.move_on_after(BOUND_SECONDS):
            while budget.held_bytes != count:
                await trio.sleep(0.02)
        assert budget.held_bytes == count

    def _made(self, max_bytes: int) -> dict[str, AdmissionEndpoint | AuditEndpoint]:
        observed = {"clusters": ("default",), "read_seconds": self._read_seconds}
        return {
            ADMISSION_PATH: AdmissionEndpoint(
                self._take,
                catalog(TYPE),
                b"k" * 32,
                observe=lambda result, _seconds: self.results.update([result]),
                max_bytes=ADMISSION_BYTES,
                **observed,
            ),
            AUDIT_PATH: AuditEndpoint(
                self._keep,
                catalog(),
                observe=lambda result, count: self.results.update({result: count}),
                max_bytes=max_bytes,
                **observed,
            ),
        }

    async def plain(self) -> trio.SocketStream:
        """A connection without TLS."""
        return await trio.open_tcp_stream("127.0.0.1", self.port)

    @asynccontextmanager
    async def secure(self, receive_bytes: int = 0) -> AsyncIterator[trio.SSLStream[trio.SocketStream]]:
        """A connection with TLS, as an API server makes it."""
        plain = await self.plain()
        if receive_bytes:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        stream = trio.SSLStream(plain, self._trust, server_hostname="127.0.0.1", https_compatible=True)
        try:
            with trio.fail_after(BOUND_SECONDS):
                await stream.do_handshake()
            yield stream
        finally:
            await trio.aclose_forcefully(stream)

    async def ask(self, *parts: bytes) -> Reply:
        """What a new connection gets for these bytes."""
        async with self.secure() as stream:
            return await asked(stream, *parts)

    async def well(self) -> None:
        """Assert that good requests are answered, and their facts are known."""
        for path, body in (
            (ADMISSION_PATH, review_body(GOOD)),
            (AUDIT_PATH, event_list(GOOD)),
        ):
            known = len(self.facts)
            assert (await self.ask(request(path, body))).status == 200
            assert len(self.facts) == known + 1
        self.facts.clear()

    async def _serve(self, *, task_status: trio.TaskStatus[int]) -> None:
        with self._serving:
            async with trio.open_nursery() as nursery:
                url = await nursery.start(
                    serve, self.router(), "127.0.0.1:0", "webhook.bind", self.tls.context
                )
                task_status.started(int(url.rpartition(":")[2]))
        self._ended.set()

    async def alone(self) -> None:
        """Return when nothing is left of any client, on either side."""
        with trio.move_on_after(BOUND_SECONDS):
            while _sockets() > self._before:
                await trio.sleep(0.02)
        assert _sockets() <= self._before, "connections are left"

    def _take(self, fact: Fact) -> None:
        """As the daemon does: what is told can be joined, and can be written down."""
        self._index.add(fact, time.time())
        self.facts += msgspec.json.decode(msgspec.json.encode([fact]), type=list[Fact])

    async def _keep(self, facts: Sequence[Fact]) -> None:
        await trio.lowlevel.checkpoint()
        for fact in facts:
            self._take(fact)


class Elsewhere:
    """Endpoints that run in another thread, for tests that are not asynchronous."""

    def __init__(self, endpoints: Endpoints, token: trio.lowlevel.TrioToken, stop: trio.Event) -> None:
        self._endpoints = endpoints
        self._token = token
        self._stop = stop

    @classmethod
    @contextmanager
    def open(cls, folder: Path) -> Iterator[Elsewhere]:
        """Serving for as long as the context lasts."""
        opened: Queue[Elsewhere] = Queue()
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(trio.run, cls._run, folder, opened)
            elsewhere = opened.get(timeout=BOUND_SECONDS)
            try:
                yield elsewhere
            finally:
                elsewhere._token.run_sync_soon(elsewhere._stop.set)
                running.result(BOUND_SECONDS)

    def ask(self, *parts: bytes) -> Reply:
        """The answer to these bytes, after which a good request was answered too."""
        return trio.from_thread.run(self._ask, parts, trio_token=self._token)

    async def _ask(self, parts: Sequence[bytes]) -> Reply:
        reply = await self._endpoints.ask(*parts)
        await self._endpoints.well()
        return reply

    @classmethod
    async def _run(cls, folder: Path, opened: Queue[Elsewhere]) -> None:
        async with Endpoints.open(folder) as endpoints:
            stop = trio.Event()
            opened.put(cls(endpoints, trio.lowlevel.current_trio_token(), stop))
            await stop.wait()
            await endpoints.alone()


def request(path: str, body: bytes, *headers: bytes, method: str = "POST") -> bytes:
    """The bytes of a request with a length."""
    return head(path, b"Content-Length: %d" % len(body), *headers, method=method) + body


def head(path: str, *headers: bytes, method: str = "POST") -> bytes:
    """The bytes of a request up to its body."""
    first = f"{method} {path} HTTP/1.1".encode()
    return b"\r\n".join([first, b"Host: 127.0.0.1", b"Content-Type: application/json", *headers, b"", b""])


def chunked(body: bytes, size: int) -> bytes:
    """The body in chunks of this size."""
    parts = (body[start : start + size] for start in range(0, len(body), size))
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


async def asked(stream: trio.abc.Stream, *parts: bytes) -> Reply:
    """What a connection gets for these bytes. A client reads while it sends."""
    with trio.fail_after(BOUND_SECONDS):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_send, stream, parts)
            reply = await answered(stream)
            nursery.cancel_scope.cancel()
    return reply


async def answered(stream: trio.abc.Stream) -> Reply:
    """The next answer; none when the connection ends before."""
    text = b""
    while b"\r\n\r\n" not in text:
        part = await _part(stream)
        if not part:
            assert not text, f"ended after {text!r}"
            return Reply()
        text += part
    start, _, body = text.partition(b"\r\n\r\n")
    first, *lines = start.decode("ascii").split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    part = b"more"
    while part and len(body) < int(headers.get("content-length", 0)):
        part = await _part(stream)
        body += part
    return Reply(int(first.split()[1]), headers, body)


async def _part(stream: trio.abc.Stream) -> bytes:
    try:
        return bytes(await stream.receive_some(65536))
    except trio.BrokenResourceError:
        return b""


async def _send(stream: trio.abc.Stream, parts: Sequence[bytes]) -> None:
    try:
        for part in parts:
            await stream.send_all(part)
    except trio.BrokenResourceError:
        return  # answered before all was sent


def _sockets() -> int:
    """How many this process has open."""
    found = 0
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            found += link.readlink().name.startswith("socket:")
    return found
