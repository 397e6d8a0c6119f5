"""hypercorn on 127.0.0.1, plain HTTP/1.1, without the parts that a sandbox has no use for.

hypercorn's own `serve` shields every send, so that a client which stops reading makes the server
uncancellable; here client and server often share one Trio run, and the client is cancelled first.
So its connection handler is used directly, with a send that can be cancelled.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import trio
from hypercorn.config import Config
from hypercorn.events import Closed, Event, RawData
from hypercorn.trio.tcp_server import TCPServer
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ConnectionState
from hypercorn.utils import wrap_app


class Connection(TCPServer):
    """One connection."""

    async def protocol_send(self, event: Event) -> None:
        """Send bytes, and stop doing so when cancelled."""
        if not isinstance(event, RawData):
            await super().protocol_send(event)
            return
        async with self.send_lock:
            try:
                await self.stream.send_all(event.data)
            except (trio.BrokenResourceError, trio.ClosedResourceError):
                await self.protocol.handle(Closed())


async def serve(app: Any, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED) -> None:
    """Serve until cancelled; starts with the URL."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    handler = partial(
        Connection, wrap_app(app, 0, "asgi"), _configuration(), WorkerContext(None), ConnectionState({})
    )
    port = listeners[0].socket.getsockname()[1]
    task_status.started(f"http://127.0.0.1:{port}")
    await trio.serve_listeners(handler, listeners)


def _configuration() -> Config:
    config = Config()
    config.keep_alive_max_requests = 10**9
    config.keep_alive_timeout = 120
    config.loglevel = "WARNING"
    config.accesslog = None
    config.include_server_header = False
    return config
