"""Follows one object by its name: read by GET, then watched alone, so that no right to list is needed.

What a watch brings is only the reason to read again. Where watching is not allowed, the object is read every
minute. That the object does not exist is an answer like another.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import msgspec
import trio

from reverser.errors import ReverserError, StalledError
from reverser.kube.client import Client
from reverser.kube.errors import Forbidden, NotFound
from reverser.kube.lists import METADATA_OF_OBJECT, watch_params
from reverser.kube.stream_health import api_backoff
from reverser.kube.watch_events import MUTATIONS, LineReader, read
from reverser.unexpected_errors import BUG, bug

SILENCE_SECONDS = 150.0
SHORTEST_SECONDS = 1.0
"""After a watch that the server has closed."""
POLL_SECONDS = 60.0
"""Between two reads where watching is not allowed."""


class NamedObject(msgspec.Struct, frozen=True):
    """Where the object is."""

    collection: str
    """`/api/v1/namespaces/shop/secrets`."""
    name: str
    metadata_only: bool = False


class Follower:
    """Follows one object until it is cancelled."""

    def __init__(
        self,
        client: Client,
        named: NamedObject,
        on_read: Callable[[dict[str, Any] | None], None],
        on_error: Callable[[ReverserError], None],
    ) -> None:
        """`on_read` gets the object at each read, None where there is none; `on_error` each failure."""
        self._client = client
        self._named = named
        self._on_read = on_read
        self._on_error = on_error
        self._backoff = api_backoff()
        self._waiting = trio.CancelScope()

    def refresh(self) -> None:
        """Read the object again now."""
        self._waiting.cancel()

    async def run(self) -> None:
        """Follow the object until cancelled."""
        while True:
            with trio.CancelScope() as self._waiting:
                try:
                    await self._read_and_watch()
                    self._backoff.succeeded()
                except ReverserError as error:
                    self._on_error(error)
                    await trio.sleep(self._backoff.failed(error.retry_after))
                except Exception as error:
                    self._on_error(StalledError(BUG, bug("named object", self._named.name, error).message))
                    await trio.sleep(self._backoff.failed())

    async def _read_and_watch(self) -> None:
        """Read the object; returns when it should be read again."""
        # Without a position: the object's own version may have expired.
        params = watch_params("0") | {"fieldSelector": f"metadata.name={self._named.name}"}
        del params["resourceVersion"]
        accept = METADATA_OF_OBJECT if self._named.metadata_only else "*/*"
        collection = self._named.collection
        try:
            async with self._client.stream(
                collection, params, silence_seconds=SILENCE_SECONDS, accept=accept
            ) as lines:
                # Read after the watch has begun: a change in between would be missed by both.
                await self._changed(lines, await self._read())
        except Forbidden:
            await self._read()
            await trio.sleep(POLL_SECONDS)

    async def _read(self) -> str:
        """Hand on the object; its version, empty where there is none."""
        path = f"{self._named.collection}/{quote(self._named.name, safe='')}"
        accept = METADATA_OF_OBJECT if self._named.metadata_only else "application/json"
        try:
            document = await self._client.get(path, accept=accept, into=dict[str, Any])
        except NotFound:
            document = None
        self._on_read(document)
        return _version(document)

    async def _changed(self, lines: LineReader, version: str) -> None:
        """Return when the object is another than that of this version, or the watch has ended."""
        async for line in lines:
            event = await read(line)
            # A watch without a position begins with the object as it is.
            is_known = event.type == "ADDED" and event.resource_version == version
            if event.type in MUTATIONS and not is_known:
                return
        await trio.sleep(SHORTEST_SECONDS)


def _version(document: dict[str, Any] | None) -> str:
    metadata = (document or {}).get("metadata")
    return str(metadata.get("resourceVersion", "")) if isinstance(metadata, dict) else ""
