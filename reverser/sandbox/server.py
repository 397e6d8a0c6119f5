"""The sandbox's listener: plain HTTP/1.1 on a free port of 127.0.0.1.

Client and server often share one Trio run here, and the client is cancelled first: see
`reverser.http.connection`.
"""

from __future__ import annotations

from typing import Any

import trio

from reverser.http.connection import serve_connections


async def serve(app: Any, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED) -> None:
    """Serve until cancelled; starts with the URL."""
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    task_status.started(f"http://127.0.0.1:{port}")
    await serve_connections(app, listeners)
