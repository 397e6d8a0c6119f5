"""Connections of one listener, each by hypercorn's own handler, and none that cannot be ended.

hypercorn's `serve` shields every send, so that a client which stops reading makes the server
uncancellable. So its handler is used directly, with a send that is bounded in time and can be
cancelled. hypercorn itself bounds the time until a request's head is complete (the keep-alive
timeout, which partial data does not renew); bodies are bounded by the application.

Only HTTP/1.1 is spoken: a client that asks for another protocol is answered as if it had not.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Sequence
from functools import partial
from typing import Any

import h11
import hypercorn
import trio
from hypercorn.events import Closed, Event, RawData, Updated
from hypercorn.protocol import ProtocolWrapper
from hypercorn.protocol.h11 import H11Protocol
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from hypercorn.utils import wrap_app

SEND_SECONDS = 30.0
"""How long a client may take to read a part of an answer."""
HEAD_SECONDS = 120.0
"""From one request to the end of the next one's head."""
HANDSHAKE_SECONDS = 10.0


def configuration() -> hypercorn.Config:
    """hypercorn's settings: no limit cuts off a probe in the middle of a long life."""
    config = hypercorn.Config()
    config.keep_alive_timeout = HEAD_SECONDS
    config.keep_alive_max_requests = 10**9
    config.ssl_handshake_timeout = HANDSHAKE_SECONDS
    # A full queue would block the reader for ever when an application answers without reading. All
    # others take what has come before more is read.
    config.max_app_queue_size = 10**9
    # Given a name instead, it would write to standard error in a form of its own.
    config.errorlog = logging.getLogger("hypercorn.error")
    config.accesslog = None
    config.include_server_header = False
    return config


class Http1(H11Protocol):
    """HTTP/1.1, and no way out of it."""

    def __init__(self, wrapper: ProtocolWrapper) -> None:
        place = (wrapper.ssl, wrapper.client, wrapper.server, wrapper.send)
        super().__init__(
            wrapper.app, wrapper.config, wrapper.context, wrapper.task_group, wrapper.state, *place
        )

    async def _check_protocol(self, event: h11.Request) -> None:
        """hypercorn would go over to HTTP/2 here."""

    async def _create_stream(self, request: h11.Request) -> None:
        """hypercorn would go over to a web socket here."""
        headers = [pair for pair in request.headers.raw_items() if pair[0].lower() != b"upgrade"]
        await super()._create_stream(
            h11.Request(
                method=request.method,
                target=request.target,
                headers=headers,
                http_version=request.http_version,
            )
        )


class Connection(TCPServer):
    """One connection."""

    _gone = False

    async def _read_data(self) -> None:
        """Read until the client has gone, and do not wait for it any longer."""
        self.protocol.protocol = Http1(self.protocol)
        await super()._read_data()
        self._gone = True
        await self.idle_task.stop()

    async def protocol_send(self, event: Event) -> None:
        """Send bytes, but not for ever, and not when cancelled."""
        if isinstance(event, Updated) and self._gone:
            return
        if not isinstance(event, RawData):
            await super().protocol_send(event)
            return
        async with self.send_lock:
            try:
                with trio.fail_after(SEND_SECONDS):
                    await self.stream.send_all(event.data)
            except (trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError):
                await trio.aclose_forcefully(self.stream)
                await self.protocol.handle(Closed())


async def serve_connections(
    app: Any, listeners: Sequence[trio.SocketListener], context: ssl.SSLContext | None = None
) -> None:
    """Answer an ASGI application's requests until cancelled; with a context over TLS."""
    handler = partial(
        Connection, wrap_app(app, 0, "asgi"), configuration(), WorkerContext(None), ConnectionState({})
    )
    if context is None:
        await trio.serve_listeners(handler, list(listeners))
    else:
        secure = [trio.SSLListener(each, context, https_compatible=True) for each in listeners]
        await trio.serve_listeners(handler, secure)
