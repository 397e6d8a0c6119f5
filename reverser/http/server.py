"""One listener: bound before `serve` says so, and started again when it dies.

An address that cannot be bound at the start is the user's to mend and ends the start; a listener
that dies later is opened again after a pause.
"""

from __future__ import annotations

import ssl
from typing import Any

import structlog
import trio

from reverser.errors import ConfigError, Problem
from reverser.http.connection import serve_connections

log = structlog.get_logger()

RESTART_SECONDS = 5.0


async def serve(
    app: Any,
    bind: str,
    key_path: str,
    context: ssl.SSLContext | None = None,
    *,
    task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve `app` on `bind` (`host:port`, port 0 picks one) until cancelled; starts with its URL.

    Raises ConfigError, naming `key_path`, when the address cannot be bound at the start.
    """
    host, _, port = bind.rpartition(":")
    host = host.strip("[]")
    try:
        listeners = await trio.open_tcp_listeners(int(port), host=host)
    except OSError as error:
        problem = Problem(key_path, f"cannot listen on {bind!r}: {error.strerror or error}")
        raise ConfigError([problem]) from error
    number = listeners[0].socket.getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    task_status.started(f"{'http' if context is None else 'https'}://{shown}:{number}")
    while True:
        try:
            await serve_connections(app, listeners, context)
        except* Exception as group:
            log.error("listener failed, restarting it", bind=bind, exc_info=group)
        listeners = await _listen_again(number, host)


async def _listen_again(port: int, host: str) -> list[trio.SocketListener]:
    while True:
        await trio.sleep(RESTART_SECONDS)
        try:
            return await trio.open_tcp_listeners(port, host=host)
        except OSError as error:
            log.warning("port cannot be bound yet", port=port, error=str(error))
