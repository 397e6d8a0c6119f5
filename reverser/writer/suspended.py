"""The writer of a destination with `suspend = true`: it does nothing, and a condition says so.

Changes are accepted as ever and wait in the journal. They are committed one by one when the destination is
written again: nothing of the wait shows in them. The condition lasts until then; nobody has to act, so that
it is no failure. A destination of a GitRepoConfig is suspended, too, while its Secret is missing; the
status of that object says why.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

from reverser.model.condition import Condition
from reverser.writer.destination_context import DestinationContext

TYPE = "Suspended"
MESSAGE = "it is suspended: nothing is fetched, committed or pushed, and changes wait in the journal"


class SuspendedWriter:
    """Writes nothing to one destination."""

    def __init__(self, context: DestinationContext) -> None:
        self._health = context.health
        self._subject = context.subject
        of_resource = "/" in context.name
        hint = "the status of its GitRepoConfig says why" if of_resource else "suspend = false lifts it"
        self._message = f"{MESSAGE} ({hint})"
        self._draining = trio.Event()

    def drain(self) -> None:
        """Return from `run`; what is journaled stays there."""
        self._draining.set()

    async def run(self, _ready: Callable[[], Awaitable[None]]) -> None:
        """Wait until drained."""
        # What failed when it was still written to is nobody's affair now.
        self._health.recovered(self._subject)
        self._health.report(Condition(TYPE, self._subject, True, "Suspended", self._message))
        await self._draining.wait()
