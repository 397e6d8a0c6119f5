"""After a takeover: streams wait until the branches of their destinations were read, then go on.

An event that comes a second time is known by what the branch has. So no stream goes on from a checkpoint
before the records of each destination that it leads to came back from the branch. A destination whose branch
cannot be read is waited for no longer than `WAIT_SECONDS`, and one that is not written not at all: its
streams list instead.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

import structlog
import trio

from reverser.errors import StalledError, TransientError
from reverser.model.destination import Destination
from reverser.model.journal import RESUME, Journal

log = structlog.get_logger()

WAIT_SECONDS = 60.0
RETRY_SECONDS = 1.0


class Resumptions:
    """The destinations of one session whose branch is still to be read."""

    def __init__(self, journal: Journal, recall: Callable[[str], Awaitable[None]]) -> None:
        """`recall` has the intake take over the records that came back."""
        self._journal = journal
        self._recall = recall
        self._waiting: dict[str, trio.Event] = {}
        self._given_up = set[str]()
        self._turn = trio.Lock()

    async def load(self) -> None:
        """Read from the journal which destinations these are."""
        for name, text in (await self._journal.get_settings(RESUME)).items():
            if text:
                self._waiting.setdefault(name.removeprefix(RESUME), trio.Event())

    def waits(self, name: str) -> bool:
        """Whether the branch of a destination is still to be read."""
        return name in self._waiting and not self._waiting[name].is_set()

    def read(self, name: str, _head: str) -> None:
        """The branch of a destination was read."""
        if name in self._waiting:
            self._waiting[name].set()

    async def may_resume(self, destinations: Iterable[Destination]) -> bool:
        """Whether a stream that leads to these may go on from its position; it lists where it may not."""
        return all([await self._may_resume(each) for each in destinations])

    async def give_up(self, name: str) -> None:
        """Streams of this destination list."""
        while True:
            try:
                await self._journal.set_setting(f"{RESUME}{name}", "")
            except (TransientError, StalledError):
                await trio.sleep(RETRY_SECONDS)
            else:
                break
        log.warning("types are listed, the branch was not read in time to go on", destination=name)
        self._given_up.add(name)
        self._waiting.pop(name, trio.Event()).set()

    async def _may_resume(self, destination: Destination) -> bool:
        name = destination.name
        event = self._waiting.get(name)
        if event is not None:
            is_written = not destination.suspend and destination.mode == "commit"
            with trio.move_on_after(WAIT_SECONDS if is_written else 0):
                await event.wait()
            async with self._turn:
                await self._end(name, event)
        return name not in self._given_up

    async def _end(self, name: str, event: trio.Event) -> None:
        """Once, whoever waits: take over what came back, or give up."""
        if name not in self._waiting:
            return
        if event.is_set():
            await self._recall(name)
            self._waiting.pop(name, None)
        else:
            await self.give_up(name)
