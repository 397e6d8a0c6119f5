"""The writer of a destination with `mode = "observe"`: it logs what it would commit, and writes nothing.

Entries are acknowledged as if the remote had them, so that the journal does not grow. Entries from before the
mode was set stay pending until the mode is `commit` again, and the stored head of the branch stays as it is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from reverser.unexpected_errors import left_out
from reverser.writer.destination_context import DestinationContext
from reverser.writer.queue import Queue

log = structlog.get_logger()


class ObservingWriter:
    """Logs what would be committed to one destination."""

    def __init__(self, context: DestinationContext) -> None:
        self._context = context
        self._journal = context.journal
        self._queue = Queue(context)

    def drain(self) -> None:
        """Log what is journaled, then return from `run`."""
        self._queue.drain()

    async def run(self, ready: Callable[[], Awaitable[None]]) -> None:
        """Log until drained."""
        await ready()
        name = self._context.name
        self._queue.restart(after=int(await self._journal.get_setting(f"observed/{name}") or 0))
        head = await self._journal.head(name)
        while plans := await self._queue.next():
            for plan in plans:
                with left_out("commit", plan.first.key):
                    subject = self._context.messages.message(plan, self._context.destination).subject
                    files = [entry.edit.path for entry in plan.entries[:10]]
                    log.info("would commit", destination=name, subject=subject, files=files)
                await self._journal.ack(name, [entry.seq for entry in plan.entries], head)
            self._context.health.recovered(self._context.subject)
