"""WATCH: sends what there is, sleeps until something happens, and ends at the client's timeout.

A watch that starts too far back is answered 200 and one ERROR event, as a real server does.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from operator import itemgetter
from typing import Any

import msgspec
import trio

from reverser.model.resource import ResourceType
from reverser.sandbox.reads import selection
from reverser.sandbox.refusal import Refusal
from reverser.sandbox.request import ApiRequest, Response
from reverser.sandbox.store import Object, Store, TableEvent
from reverser.sandbox.types import table_of

DEFAULT_TIMEOUT_SECONDS = (1800, 3600)
"""What a server chooses from when the client does not say."""
LINES_AT_ONCE = 500
"""So that a long initial list is sent in pieces that the client can already read."""
INITIAL_EVENTS_END = {"k8s.io/initial-events-end": "true"}


class WatchResponse:
    """One running watch, and the position of its client."""

    def __init__(
        self, request: ApiRequest, type_: ResourceType, store: Store, bookmark_seconds: float
    ) -> None:
        self._request = request
        self._type = type_
        self._store = store
        self._table = store.tables[table_of(type_)]
        self._selection = selection(request)
        self._revision = 0
        """The client knows everything up to here."""
        self._bookmarks = request.flag("allowWatchBookmarks")
        self._bookmark_seconds = bookmark_seconds
        if request.flag("sendInitialEvents") and request.query.get("resourceVersionMatch") != "NotOlderThan":
            message = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
            raise Refusal(
                "Invalid", f'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: {message}'
            )

    async def run(self, response: Response) -> None:
        """Send until the timeout, a forgotten history, or the end of the type."""
        chosen = random.uniform(*DEFAULT_TIMEOUT_SECONDS)  # noqa: S311
        deadline = trio.current_time() + float(self._request.query.get("timeoutSeconds") or chosen)
        await response.start()
        try:
            await _send(response, self._initial_lines())
            await self._follow(response, deadline)
        except Refusal as refusal:
            await response.write(_line("ERROR", refusal.document()))
        await response.end()

    def _initial_lines(self) -> list[bytes]:
        start = self._request.query.get("resourceVersion", "")
        streaming = self._request.flag("sendInitialEvents")
        if not streaming and start not in ("", "0"):
            self._revision = int(start)
            return []
        self._revision = self._store.revision
        objects = sorted(self._table.objects.items(), key=itemgetter(0))
        lines = [_line("ADDED", obj) for _, obj in objects if self._selection.covers(obj)]
        return [*lines, self._bookmark(INITIAL_EVENTS_END)] if streaming and self._bookmarks else lines

    async def _follow(self, response: Response, deadline: float) -> None:
        quiet = False
        while True:
            lines = self._new_lines()
            over = trio.current_time() >= deadline or not self._served
            if self._bookmarks and (quiet or over):
                lines.append(self._bookmark())
            await _send(response, lines)
            if over:
                return
            quiet = not lines and await self._wait(deadline)

    @property
    def _served(self) -> bool:
        return self._store.tables.get(table_of(self._type)) is self._table

    async def _wait(self, deadline: float) -> bool:
        """Whether nothing happened for as long as a bookmark is due after."""
        until = min(deadline, trio.current_time() + self._bookmark_seconds)
        with trio.move_on_at(until) as scope:
            await self._store.changed()
        return scope.cancelled_caught

    def _new_lines(self) -> list[bytes]:
        events = self._table.events_after(self._revision)
        if events:
            self._revision = events[-1].revision
        return [line for event in events for line in self._lines_for(event)]

    def _lines_for(self, event: TableEvent) -> Iterator[bytes]:
        """An object that enters or leaves the selection appears or disappears for this client."""
        now = event.type != "DELETED" and self._selection.covers(event.now)
        before = event.before is not None and self._selection.covers(event.before)
        if now:
            yield _line("MODIFIED" if before else "ADDED", event.now)
        elif before and event.type == "DELETED":
            yield _line("DELETED", event.now)
        elif before and event.before:
            # The last state that the client may see of it.
            metadata = {**event.before["metadata"], "resourceVersion": str(event.revision)}
            yield _line("DELETED", {**event.before, "metadata": metadata})

    def _bookmark(self, annotations: dict[str, str] | None = None) -> bytes:
        """The position, and nothing else."""
        metadata: dict[str, Any] = {"resourceVersion": str(self._store.revision)}
        if annotations:
            metadata["annotations"] = annotations
        head = {"kind": self._type.kind, "apiVersion": self._type.api_version}
        return _line("BOOKMARK", {**head, "metadata": metadata})


def _line(kind: str, obj: Object) -> bytes:
    return msgspec.json.encode({"type": kind, "object": obj}) + b"\n"


async def _send(response: Response, lines: list[bytes]) -> None:
    for start in range(0, len(lines), LINES_AT_ONCE):
        await response.write(b"".join(lines[start : start + LINES_AT_ONCE]))
