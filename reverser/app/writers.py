"""The writers of one session: each opened when its repository can be, and drained when all are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

from reverser.app.writer_factory import AnyWriter, WriterFactory
from reverser.errors import StalledError, TransientError
from reverser.health import Health
from reverser.model.destination import Destination
from reverser.unexpected_errors import BUG, bug
from reverser.writer.driver import READING, WRITING

OPEN_SECONDS = 10.0
"""Between two tries to open a repository."""


class Writers:
    """One writer a destination. `ready` returns when the first commit of a destination may be made."""

    def __init__(
        self, factory: WriterFactory, health: Health, ready: Callable[[str], Awaitable[None]]
    ) -> None:
        self._factory = factory
        self._health = health
        self._ready = ready
        self._open: list[AnyWriter] = []
        self._draining = False

    def drain(self) -> None:
        """Have every writer end once the journal holds nothing more for it, those opened later too."""
        self._draining = True
        for writer in self._open:
            writer.drain()

    async def run(self, destination: Destination) -> None:
        """Write one destination; a repository that cannot be opened is reported and tried again."""
        subject = f"destination/{destination.name}"
        if destination.mode == "observe":
            # What failed when it was still written to is nobody's affair now.
            self._health.recovered(subject)
        while True:
            try:
                await self._write(destination)
            except (StalledError, TransientError) as error:
                self._health.failed(subject, error, step=READING)
            except Exception as error:
                # Of this destination, or of something in it: the others go on, and so does this one later.
                failure = StalledError(BUG, bug("destination", subject, error).message)
                self._health.failed(subject, failure, step=WRITING)
            else:
                return
            await trio.sleep(OPEN_SECONDS)

    async def _write(self, destination: Destination) -> None:
        async with self._factory.writer(destination) as writer:
            self._open.append(writer)
            if self._draining:
                writer.drain()
            try:
                await writer.run(lambda: self._ready(destination.name))
            finally:
                self._open.remove(writer)
