"""The operations listener's pages: `/healthz`, `/readyz` and `/metrics`, as raw ASGI.

Address and port are `[operations] bind`, 127.0.0.1:8081 by default (`config.listeners`).
`/healthz` answers as long as the process turns. `/readyz` names what is missing and lists the
conditions and what is withheld, so that `curl` alone tells why a pod is not ready. A listener that is not
bound to loopback alone answers whoever reaches it: there it tells of what part a condition is and the reason,
and no message and no object, for messages name objects and fields. Anything else is 404; any method but GET
and HEAD is 405. Request bodies are never read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from ipaddress import ip_address
from typing import Any, TypeAlias

import trio

from reverser.health import Health
from reverser.metrics import Metrics
from reverser.model.condition import Condition, Withheld
from reverser.model.destination import subject_of

Scope: TypeAlias = dict[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[dict[str, Any]]]
Send: TypeAlias = Callable[[dict[str, Any]], Awaitable[None]]
Answer: TypeAlias = tuple[int, str, bytes]

TEXT = "text/plain; charset=utf-8"
WITHHELD_MOST = 100
"""Withheld objects that `/readyz` names."""
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
ELSEWHERE = (
    "messages, objects and fields are told in the log, and here where operations.bind is a loopback address"
)


def on_loopback(bind: str) -> bool:
    """Whether a listener bound to `host:port` can be reached from this machine alone."""
    host = bind.rpartition(":")[0].strip("[]")
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


async def _nothing() -> Sequence[Withheld]:
    return ()


class Probes:
    """The ASGI application of the operations listener."""

    def __init__(
        self,
        health: Health,
        metrics: Metrics,
        refresh: Callable[[], Awaitable[None]],
        withheld: Callable[[], Awaitable[Sequence[Withheld]]] = _nothing,
        *,
        names: bool,
    ) -> None:
        """`names`: whether answers may name objects, fields and messages; only then `withheld` is called."""
        self._names = names
        self._withheld = withheld
        self._health = health
        self._metrics = metrics
        self._exposing = trio.Lock()
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
        conditions = self._health.conditions
        lines += [_condition_line(each) for each in conditions] if self._names else _without_names(conditions)
        lines += _objects(await self._withheld()) if self._names else ()
        return 200 if self._health.ready else 503, TEXT, ("\n".join(lines) + "\n").encode()

    async def _expose(self) -> Answer:
        async with self._exposing:
            await self._refresh()
            return 200, PROMETHEUS, await trio.to_thread.run_sync(self._metrics.expose)


def _condition_line(condition: Condition) -> str:
    return f"{condition.subject} {condition.type}={condition.status} {condition.reason}: {condition.message}"


def _objects(rows: Sequence[Withheld]) -> Iterator[str]:
    """Withheld objects by name, some of them."""
    for row in rows[:WITHHELD_MOST]:
        yield f"{subject_of(row.destination)}/{row.key} withheld {row.reason}: {row.message}"
    if len(rows) > WITHHELD_MOST:
        yield f"{len(rows) - WITHHELD_MOST} more objects are withheld: `reverser withheld` lists all"


def _without_names(conditions: Iterable[Condition]) -> Iterator[str]:
    """Each once, without what may name an object: `destination/live Suspicious=True Jwt (3 times)`."""
    counts = Counter(f"{_part(each.subject)} {each.type}={each.status} {each.reason}" for each in conditions)
    yield from (line if times == 1 else f"{line} ({times} times)" for line, times in counts.items())
    if counts:
        yield ELSEWHERE


def _part(subject: str) -> str:
    """`destination/live`, `gitrepoconfig/shop/web`, `cluster/default`, `type/default/widgets.example.com`."""
    parts = subject.split("/")
    return "/".join(parts[: 3 if parts[0] in ("gitrepoconfig", "type") else 2])
