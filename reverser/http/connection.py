"""Connections of one listener, each by hypercorn's own handler, and none that cannot be ended.

hypercorn's `serve` shields every send, so that a client which stops reading makes the server
uncancellable. So its handler is used directly, with a send that is bounded in time and can be
cancelled. hypercorn itself bounds the time until a request's head is complete (the keep-alive
timeout, which partial data does not renew); bodies are bounded by the application.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Sequence
from functools import partial
from typing import Any

import hypercorn
import trio
from hypercorn.events import Closed, Event, RawData
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from hypercorn.utils import wrap_app

SEND_SECONDS = 30.0
"""How long a client may take to read a part of an answer."""


def configuration() -> hypercorn.Config:
    """hypercorn's settings: no limit cuts off a probe in the middle of a long life."""
    config = hypercorn.Config()
    config.keep_alive_timeout = 120
    config.keep_alive_max_requests = 10**9
    config.ssl_handshake_timeout = 10
    # Given a name instead, it would write to standard error in a form of its own.
    config.errorlog = logging.getLogger("hypercorn.error")
    config.accesslog = None
    config.include_server_header = False
    return config


class Connection(TCPServer):
    """One connection."""

    async def protocol_send(self, event: Event) -> None:
        """Send bytes, but not for ever, and not when cancelled."""
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
