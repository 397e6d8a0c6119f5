"""The operations listener's pages: `/healthz`, `/readyz` and `/metrics`, as raw ASGI.

`/healthz` answers as long as the process turns. `/readyz` names what is missing and lists the
conditions, so that `curl` alone tells why a pod is not ready. Anything else is 404; any method
but GET and HEAD is 405. Request bodies are never read.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from reverser.health import Health
from reverser.metrics import Metrics

Scope: TypeAlias = dict[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[dict[str, Any]]]
Send: TypeAlias = Callable[[dict[str, Any]], Awaitable[None]]
Answer: TypeAlias = tuple[int, str, bytes]

TEXT = "text/plain; charset=utf-8"
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"


class Probes:
    """The ASGI application of the operations listener."""

    def __init__(self, health: Health, metrics: Metrics, refresh: Callable[[], Awaitable[None]]) -> None:
        self._health = health
        self._metrics = metrics
        self._refresh = refresh
        self._pages: dict[str, Callable[[], Awaitable[Answer]]] = {
            "/healthz": self._healthz,
            "/readyz": self._readyz,
            "/metrics": self._expose,
        }

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(
                scope["type"]
            )  # how an ASGI application declines lifespan and websockets
        status, content_type, body = await self._answer(scope["method"], scope["path"])
        headers = [
            (b"content-type", content_type.encode()),
            (b"content-length", str(len(body)).encode()),
            (b"cache-control", b"no-store"),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})

    async def _answer(self, method: str, path: str) -> Answer:
        page = self._pages.get(path)
        if page is None:
            return 404, TEXT, b"not found; there are /healthz, /readyz and /metrics\n"
        if method not in ("GET", "HEAD"):
            return 405, TEXT, b"only GET and HEAD\n"
        return await page()

    async def _healthz(self) -> Answer:
        return 200, TEXT, b"ok\n"

    async def _readyz(self) -> Answer:
        lines = [f"not ready: {check}" for check in self._health.failing] or ["ok"]
        lines += [f"{c.subject} {c.type}={c.status} {c.reason}: {c.message}" for c in self._health.conditions]
        return 200 if self._health.ready else 503, TEXT, ("\n".join(lines) + "\n").encode()

    async def _expose(self) -> Answer:
        await self._refresh()
        return 200, PROMETHEUS, self._metrics.expose()
