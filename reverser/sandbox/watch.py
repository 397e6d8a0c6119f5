"""WATCH: sends what there is, sleeps until history grows, and ends at the client's timeout.

A watch that starts too far back is answered 200 and one ERROR event, as a real server does.
"""

from __future__ import annotations

import random

import trio

from reverser.sandbox.lines import Lines, error_line
from reverser.sandbox.refusal import Refusal
from reverser.sandbox.request import Request
from reverser.sandbox.store import Store
from reverser.sandbox.stream import Stream

DEFAULT_TIMEOUT_SECONDS = (1800, 3600)
"""What a server chooses from when the client does not say."""

INITIAL_EVENTS_END = {"k8s.io/initial-events-end": "true"}


class Watch:
    """One running watch."""

    def __init__(self, request: Request, lines: Lines, store: Store, bookmark_seconds: float) -> None:
        self._request = request
        self._lines = lines
        self._history = lines.table.history
        self._store = store
        self._bookmarks = request.flag("allowWatchBookmarks")
        self._bookmark_seconds = bookmark_seconds
        if request.flag("sendInitialEvents") and request.query.get("resourceVersionMatch") != "NotOlderThan":
            message = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
            raise Refusal(
                "Invalid", f'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: {message}'
            )

    async def run(self, stream: Stream) -> None:
        """Send until the timeout, a forgotten history, or the end of the type."""
        chosen = random.uniform(*DEFAULT_TIMEOUT_SECONDS)  # noqa: S311
        deadline = trio.current_time() + float(self._request.query.get("timeoutSeconds") or chosen)
        await stream.start()
        try:
            await stream.lines(self._initial())
            await self._follow(stream, deadline)
        except Refusal as refusal:
            await stream.write(error_line(refusal))
        await stream.end()

    def _initial(self) -> list[bytes]:
        revision = self._request.query.get("resourceVersion", "")
        if self._request.flag("sendInitialEvents"):
            lines = self._lines.present(self._store.revision)
            return [*lines, self._bookmark(INITIAL_EVENTS_END)] if self._bookmarks else lines
        if revision in ("", "0"):
            return self._lines.present(self._store.revision)
        self._history.check_start(int(revision))
        self._lines.revision = int(revision)
        return []

    async def _follow(self, stream: Stream, deadline: float) -> None:
        quiet = False
        while True:
            lines = self._lines.news()
            over = self._history.closed or trio.current_time() >= deadline
            if self._bookmarks and (quiet or over):
                lines.append(self._bookmark())
            await stream.lines(lines)
            if over:
                return
            quiet = not lines and await self._wait(deadline)

    async def _wait(self, deadline: float) -> bool:
        """Whether nothing happened for as long as a bookmark is due after."""
        until = min(deadline, trio.current_time() + self._bookmark_seconds)
        with trio.move_on_at(until) as patience:
            await self._history.wait()
        return patience.cancelled_caught

    def _bookmark(self, annotations: dict[str, str] | None = None) -> bytes:
        return self._lines.bookmark(self._store.revision, annotations)
