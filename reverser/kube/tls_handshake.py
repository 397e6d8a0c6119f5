"""Handshakes that are cancelled: the connection below is closed at once.

httpcore closes a connection whose TLS handshake failed, but not one whose handshake was cancelled:
it is left to the garbage collector, and the API server waits for it meanwhile. httpcore's `trace`
extension tells of both steps, which is all that is needed. The other way, a network backend of our
own, would reach into httpx's pool.
"""

from __future__ import annotations

from typing import Any

import trio


class Handshake:
    """The `trace` of one request."""

    def __init__(self) -> None:
        self._connection: trio.abc.AsyncResource | None = None

    async def __call__(self, event: str, told: dict[str, Any]) -> None:
        if event == "connection.connect_tcp.complete":
            self._connection = told["return_value"]
        elif event.endswith(".start_tls.failed") and self._connection is not None:
            with trio.CancelScope(shield=True, deadline=trio.current_time()):
                await self._connection.aclose()
