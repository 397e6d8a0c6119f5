"""The one HTTP client that speaks to an API server: plain requests, and streams of lines.

HTTP/1.1 with an unlimited pool, since every watch holds a connection for hours; TCP keepalive finds peers
that have vanished. No proxy but the kubeconfig's: Python's reading of NO_PROXY knows no networks, and would
send a cluster's own address through the proxy.

Every request has a deadline for its whole answer, and a stream for its beginning. A login has a deadline of
its own (`credentials.LOGIN_SECONDS`), which does not count towards that of the request. The bearer token is
set on each request. Requests that meet the same 401 share one login and its outcome: a credential plugin that
hangs is run once for all of them.

When a TLS handshake is cancelled, `Handshake` closes the connection below it. httpcore closes one whose
handshake failed, but leaves a cancelled one to the garbage collector, and the API server waits for it
meanwhile. httpcore's `trace` extension reports both steps; a network backend of our own would reach into
httpx's pool instead.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import httpx
import msgspec
import trio

from reverser import __version__
from reverser.errors import ReverserError, unwrap_group
from reverser.kube.credentials import Credentials
from reverser.kube.errors import PROXIES, Garbled, addressed, api_error, translated
from reverser.kube.watch_events import LineReader
from reverser.model.nesting import decoded


class SharedLogin:
    """The credentials of one client, and the logins that renew them."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._lock = trio.Lock()
        self._failure: ReverserError | None = None
        self.count = 0
        """Logins so far, whatever came of them."""

    def authorize(self, request: httpx.Request) -> None:
        """Put the token of today on a request."""
        if self._credentials.token:
            request.headers["Authorization"] = f"Bearer {self._credentials.token}"

    async def renew(self, seen: int) -> None:
        """Log in again, unless that was done since `count` was `seen`. Raises StalledError."""
        async with self._lock:
            if self.count == seen:
                await self._renew()
            elif self._failure is not None:
                raise self._failure

    async def _renew(self) -> None:
        try:
            await self._credentials.refresh()
        except ReverserError as error:
            self._failure = error
            self.count += 1
            raise
        self._failure = None
        self.count += 1


class Handshake:
    """The `trace` of one request."""

    def __init__(self) -> None:
        self._connection: trio.abc.AsyncResource | None = None

    async def __call__(self, event: str, details: dict[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            self._connection = details["return_value"]
        elif event.endswith(".start_tls.failed") and self._connection is not None:
            with trio.CancelScope(shield=True, deadline=trio.current_time()):
                await self._connection.aclose()


Params = Mapping[str, str | int]
T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 8
"""Requests that `map_concurrently` sends at a time."""

REQUEST_SECONDS = 30.0
"""How long an answer may stand still, and how long a stream may take to begin."""
ANSWER_SECONDS = 90.0
"""How long a whole answer may take: API servers give one up after 60 seconds themselves."""
CONNECT_SECONDS = 10.0
IDLE_CONNECTIONS = 20
KEEPALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
)


class Client:
    """One API server. Every method raises the errors of `kube.errors`."""

    def __init__(
        self, http: httpx.AsyncClient, login: SharedLogin, server: str, extensions: dict[str, Any]
    ) -> None:
        self._http = http
        self._login = login
        self._extensions = extensions
        self.server = server

    @classmethod
    @asynccontextmanager
    async def open(cls, credentials: Credentials) -> AsyncIterator[Client]:
        """A client for as long as the context lasts. Raises StalledError for an address of no use."""
        name = credentials.tls_server_name
        with addressed("server", credentials.server), addressed("proxy-url", credentials.proxy, PROXIES):
            transport = httpx.AsyncHTTPTransport(
                verify=credentials.verify,
                proxy=credentials.proxy,
                limits=httpx.Limits(max_connections=None, max_keepalive_connections=IDLE_CONNECTIONS),
                socket_options=KEEPALIVE,
            )
            http = httpx.AsyncClient(
                transport=transport,
                base_url=credentials.server,
                headers={"User-Agent": f"reverser/{__version__}"},
                trust_env=False,
            )
        async with http:
            yield cls(
                http, SharedLogin(credentials), credentials.server, {"sni_hostname": name} if name else {}
            )

    async def get(
        self, path: str, params: Params | None = None, *, accept: str = "application/json", into: Any = Any
    ) -> Any:
        """The JSON document at a path, decoded as `into`."""
        headers = {"Accept": accept}
        return _decoded(await self._answer("GET", path, params=params, headers=headers), into)

    async def post(self, path: str, body: Any) -> Any:
        """Send a JSON document, return the one that comes back."""
        return await self.send("POST", path, body)

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        params: Params | None = None,
        media_type: str = "application/json",
    ) -> Any:
        """One request with a JSON document, or without one; the document that comes back."""
        content = None if body is None else msgspec.json.encode(body)
        headers = {} if body is None else {"Content-Type": media_type}
        answer = await self._answer(method, path, params=params, content=content, headers=headers)
        return _decoded(answer, Any)

    @asynccontextmanager
    async def stream(
        self, path: str, params: Params, *, silence_seconds: float, accept: str = "*/*"
    ) -> AsyncIterator[LineReader]:
        """The lines of a stream as they come; entered once the server has said 200.

        Raises Silent when nothing came for so long, or no answer at all within REQUEST_SECONDS.
        """
        request = self._http.build_request(
            "GET",
            path,
            params=params,
            timeout=_timeout(silence_seconds),
            extensions=self._extended(),
            headers={"Accept": accept},
        )
        with translated():
            response = await self._send_with_login(request, stream=True, seconds=REQUEST_SECONDS)
            chunks = response.aiter_bytes()
            try:
                if response.status_code != httpx.codes.OK:
                    with trio.fail_after(REQUEST_SECONDS):
                        await response.aread()
                    raise _refusal(response)
                yield LineReader(chunks)
            finally:
                await _close_response(response, chunks)

    async def _answer(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request and the whole of its answer."""
        timeout, extensions = _timeout(REQUEST_SECONDS), self._extended()
        with translated():
            request = self._http.build_request(
                method, path, timeout=timeout, extensions=extensions, **options
            )
            return await self._send_with_login(request, stream=False, seconds=ANSWER_SECONDS)

    async def _send_with_login(
        self, request: httpx.Request, *, stream: bool, seconds: float
    ) -> httpx.Response:
        """Send a request, once more after a 401 with fresh credentials; each time within `seconds`."""
        logins = self._login.count
        response = await self._attempt(request, stream=stream, seconds=seconds)
        if response.status_code != httpx.codes.UNAUTHORIZED:
            return response
        await response.aclose()
        await self._login.renew(logins)
        return await self._attempt(request, stream=stream, seconds=seconds)

    async def _attempt(self, request: httpx.Request, *, stream: bool, seconds: float) -> httpx.Response:
        self._login.authorize(request)
        with trio.fail_after(seconds):
            return await self._http.send(request, stream=stream)

    def _extended(self) -> dict[str, Any]:
        return self._extensions | {"trace": Handshake()}


async def _close_response(response: httpx.Response, chunks: AsyncIterator[bytes]) -> None:
    # httpx nests generators, and closing the outer one leaves the inner ones to the garbage
    # collector. Reading on from a closed connection lets each of them end by itself.
    with trio.CancelScope(shield=True), suppress(httpx.HTTPError, httpx.StreamError):
        await response.aclose()
        async for _ in chunks:
            pass


def _timeout(read_seconds: float) -> httpx.Timeout:
    return httpx.Timeout(connect=CONNECT_SECONDS, write=CONNECT_SECONDS, pool=None, read=read_seconds)


def _decoded(response: httpx.Response, into: Any) -> Any:
    if not response.is_success:
        raise _refusal(response)
    try:
        return decoded(response.content, msgspec.json.Decoder(into).decode)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Garbled(f"the API server's answer cannot be read: {error}") from error


def _refusal(response: httpx.Response) -> Exception:
    return api_error(response.status_code, response.content, response.headers.get("Retry-After", ""))


async def map_concurrently(items: Sequence[T], ask: Callable[[T], Awaitable[R]]) -> list[R]:
    """The answers in the order of the items. The first error ends the others and is raised."""
    answers: dict[int, R] = {}
    limiter = trio.CapacityLimiter(AT_ONCE)

    async def one(index: int, item: T) -> None:
        async with limiter:
            answers[index] = await ask(item)

    try:
        async with trio.open_nursery() as nursery:
            for index, item in enumerate(items):
                nursery.start_soon(one, index, item)
    except BaseExceptionGroup as group:
        raise unwrap_group(group) from group
    return [answers[index] for index in range(len(items))]
