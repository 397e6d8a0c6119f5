"""Helpers for ASGI endpoints: a header, the cluster in the path, a whole response."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from typing import Any, TypeAlias

Scope: TypeAlias = dict[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[dict[str, Any]]]
Send: TypeAlias = Callable[[dict[str, Any]], Awaitable[None]]

TEXT = b"text/plain; charset=utf-8"


def header(scope: Scope, name: bytes) -> bytes:
    """A header's value, lower case; empty when it is missing. ASGI tells names in lower case."""
    for key, value in scope["headers"]:
        if key == name:
            text: bytes = value.strip().lower()
            return text
    return b""


def cluster_of(scope: Scope, prefix: str, clusters: Collection[str]) -> str | None:
    """The cluster that the path names below `prefix`; without a name the only one. None: unknown."""
    name = scope["path"].removeprefix(prefix).strip("/")
    if not name and len(clusters) == 1:
        return next(iter(clusters))
    return name if name in clusters else None


async def answer(
    send: Send, status: int, body: bytes, content_type: bytes = TEXT, *more: tuple[bytes, bytes]
) -> None:
    """Send a whole response."""
    headers = [(b"content-type", content_type), (b"content-length", str(len(body)).encode()), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
