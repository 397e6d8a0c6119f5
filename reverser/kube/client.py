"""The one HTTP client that speaks to an API server: plain requests, and streams of lines.

HTTP/1.1 with an unlimited pool, since every watch holds a connection for hours; TCP keepalive finds
peers that have vanished. A 401 makes one login, whoever noticed first, and the request is sent once
more. Streams are split at `\\n` bytes only: JSON lines may hold U+0085 and U+2028.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any

import httpx
import msgspec
import trio

from reverser import __version__
from reverser.kube.credentials import Credentials
from reverser.kube.errors import api_error, translated

Params = Mapping[str, str | int]

REQUEST_SECONDS = 30.0
CONNECT_SECONDS = 10.0
KEEPALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
)


class Login(httpx.Auth):
    """Adds the bearer token; refreshes it once for all who saw the same 401."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._lock = trio.Lock()

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        used = self._authorize(request)
        response = yield request
        if response.status_code != httpx.codes.UNAUTHORIZED:
            return
        async with self._lock:
            if self._credentials.token == used:
                await self._credentials.refresh()
        self._authorize(request)
        yield request

    def _authorize(self, request: httpx.Request) -> str:
        token = self._credentials.token
        if token:
            request.headers["Authorization"] = f"Bearer {token}"
        return token


class Client:
    """One API server. Every method raises the errors of `kube.errors`."""

    def __init__(self, http: httpx.AsyncClient, server: str, extensions: dict[str, Any]) -> None:
        self._http = http
        self._extensions = extensions
        self.server = server
        self.streams_lists = True
        """Whether streaming lists work here; the first that is refused turns it off."""

    @classmethod
    @asynccontextmanager
    async def open(cls, credentials: Credentials) -> AsyncIterator[Client]:
        """A client for as long as the context lasts."""
        transport = httpx.AsyncHTTPTransport(
            verify=credentials.verify,
            proxy=credentials.proxy,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=20),
            socket_options=KEEPALIVE,
        )
        name = credentials.tls_server_name
        http = httpx.AsyncClient(
            transport=transport,
            auth=Login(credentials),
            base_url=credentials.server,
            headers={"User-Agent": f"reverser/{__version__}"},
            trust_env=False,
        )
        async with http:
            yield cls(http, credentials.server, {"sni_hostname": name} if name else {})

    async def get(self, path: str, params: Params | None = None, *, accept: str = "application/json") -> Any:
        """The decoded JSON document at a path."""
        headers, timeout = {"Accept": accept}, _timeout(REQUEST_SECONDS)
        with translated():
            response = await self._http.get(
                path, params=params, headers=headers, timeout=timeout, extensions=self._extensions
            )
        return _decoded(response)

    async def post(self, path: str, body: Any) -> Any:
        """Send a JSON document, return the one that comes back."""
        headers = {"Content-Type": "application/json"}
        with translated():
            response = await self._http.post(
                path,
                content=msgspec.json.encode(body),
                headers=headers,
                timeout=_timeout(REQUEST_SECONDS),
                extensions=self._extensions,
            )
        return _decoded(response)

    async def lines(
        self, path: str, params: Params, *, silence_seconds: float
    ) -> AsyncGenerator[bytes, None]:
        """The lines of a stream as they come; `Unreachable` after so much silence.

        Use with `aclosing`. What stands behind the last newline when the stream ends is no line.
        """
        with translated():
            async with self._http.stream(
                "GET", path, params=params, timeout=_timeout(silence_seconds), extensions=self._extensions
            ) as response:
                if response.status_code != httpx.codes.OK:
                    body = await response.aread()
                    raise api_error(response.status_code, body, response.headers.get("Retry-After", ""))
                async with aclosing(_split(response)) as lines:
                    async for line in lines:
                        yield line


async def _split(response: httpx.Response) -> AsyncGenerator[bytes, None]:
    rest = b""
    async for chunk in response.aiter_bytes():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line:
                yield line


def _timeout(read_seconds: float) -> httpx.Timeout:
    return httpx.Timeout(connect=CONNECT_SECONDS, write=CONNECT_SECONDS, pool=None, read=read_seconds)


def _decoded(response: httpx.Response) -> Any:
    if not response.is_success:
        raise api_error(response.status_code, response.content, response.headers.get("Retry-After", ""))
    try:
        return msgspec.json.decode(response.content)
    except msgspec.DecodeError as error:
        raise api_error(response.status_code, b'{"message": "the answer is no JSON"}') from error
