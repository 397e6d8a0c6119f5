"""One hypercorn listener under a supervisor: bound before `serve` says so, restarted with back-off.

An address that cannot be bound at the start is the user's to mend and ends the start; a server
that dies later is started again. The settings lift hypercorn's limits that would cut off a probe
in the middle of a long life, and bound what a client may hold.
"""

from __future__ import annotations

from typing import Any

import hypercorn
import structlog
import trio
from hypercorn.trio import serve as hypercorn_serve

from reverser.errors import ConfigError, Problem

log = structlog.get_logger()

RESTART_SECONDS = 5.0


def configuration(bind: str) -> hypercorn.Config:
    """hypercorn's settings for one address."""
    config = hypercorn.Config()
    config.bind = [bind]
    config.alpn_protocols = ["http/1.1"]
    config.keep_alive_timeout = 120
    config.keep_alive_max_requests = 10**9
    config.graceful_timeout = 1
    config.loglevel = "WARNING"
    config.accesslog = None
    config.include_server_header = False
    return config


async def serve(
    app: Any, bind: str, key_path: str, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED
) -> None:
    """Serve `app` on `bind` (`host:port`, port 0 picks one) until cancelled; starts with its URL.

    Raises ConfigError, naming `key_path`, when the address cannot be bound at the start.
    """
    started = False
    while True:
        try:
            async with trio.open_nursery() as nursery:
                urls = await nursery.start(_run, app, bind)
                bind = urls[0].removeprefix("http://")
                if not started:
                    task_status.started(urls[0])
                    started = True
        except* OSError as group:
            error = _first(group)
            if not started:
                problem = Problem(key_path, f"cannot listen on {bind!r}: {error.strerror or error}")
                raise ConfigError([problem]) from error
            log.error("listener died, starting it again", bind=bind, error=str(error))
        await trio.sleep(RESTART_SECONDS)


def _first(group: BaseExceptionGroup[OSError]) -> OSError:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, OSError)
    return error


def _with_lifespan(app: Any) -> Any:
    """hypercorn warns about applications that decline the lifespan protocol, so it is answered here."""

    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})

    return wrapped


async def _run(app: Any, bind: str, *, task_status: trio.TaskStatus[list[str]]) -> None:
    await hypercorn_serve(
        _with_lifespan(app),
        configuration(bind),
        shutdown_trigger=trio.sleep_forever,
        task_status=task_status,
        mode="asgi",
    )
