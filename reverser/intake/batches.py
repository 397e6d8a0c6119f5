"""Observations in batches: one look into the journal, one decision a destination, one append for each batch.

Where a batch of a large list is decided elsewhere (`intake.list_decisions`), the next one is gathered and
asked about before it is handed out, so that both processes have work. Batches are handed out in their order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator
from contextlib import suppress

import trio

from reverser.intake.list_decisions import NOTHING, Ahead, ListDecisions
from reverser.model.change import (
    Barrier,
    Change,
    Identified,
    ListCompleted,
    ListStarted,
    Observation,
    Origin,
)

BATCH = 200
LISTED_BYTES = 192 * 1024
"""Of JSON, of the objects of lists in one batch: three batches are in memory, decoded and as they came."""
MARKS = (ListCompleted, Identified, Barrier)
"""What says something of all that came before it: the last of its batch."""
AHEAD = 3
"""Batches that are gathered: one is asked about, one waits to be, and one is taken next."""
IDLE_SECONDS = 60.0
"""Without a question. A list that is refused is tried again for as long as that lasts, and never ends."""
TURNS = 50
"""How often those who read lists are let to add to a batch."""


class Batch:
    """Some observations, in their order."""

    def __init__(self, first: Observation) -> None:
        self.observations: list[Observation] = []
        self.of_lists = False
        """Whether a list brought any of them."""
        self.ahead: Ahead = NOTHING
        """Of its lists, what was decided elsewhere."""
        self.ready = trio.Event()
        """Set once that is so, or nothing is asked."""
        self._listed_bytes = 0
        self._add(first)

    @property
    def full(self) -> bool:
        """Whether no more fits: what comes after the end of a list must see the list's records."""
        return (
            len(self.observations) >= BATCH
            or isinstance(self.observations[-1], MARKS)
            or self._listed_bytes >= LISTED_BYTES
        )

    def fill(self, observations: trio.MemoryReceiveChannel[Observation]) -> None:
        """Add what is waiting, as far as it fits."""
        with suppress(trio.WouldBlock, trio.EndOfChannel):
            while not self.full:
                self._add(observations.receive_nowait())

    def _add(self, observation: Observation) -> None:
        self.observations.append(observation)
        self.of_lists = self.of_lists or _of_a_list(observation)
        if isinstance(observation, Change):
            self._listed_bytes += len(observation.text)

    async def decided(self) -> Batch:
        """The batch, once it is ready."""
        await self.ready.wait()
        return self


async def batches(
    observations: trio.MemoryReceiveChannel[Observation], lists: ListDecisions, nursery: trio.Nursery
) -> AsyncGenerator[Batch, None]:
    """Every batch, until the channel closes. Questions are asked in tasks of the nursery."""
    pending: deque[Batch] = deque()
    while True:
        if len(pending) < AHEAD:
            try:
                first = observations.receive_nowait() if pending else await observations.receive()
            except trio.WouldBlock:
                pass
            except trio.EndOfChannel:
                break
            else:
                batch = await _gathered(first, observations)
                _ask(batch, lists, nursery)
                pending.append(batch)
                if not pending[0].ready.is_set():
                    continue
        yield await pending.popleft().decided()
    for batch in pending:
        yield await batch.decided()


async def rest_when_idle(lists: ListDecisions) -> None:
    """End who decides elsewhere whenever there has been nothing to ask for a while."""
    while True:
        before = lists.asked_batches
        await trio.sleep(IDLE_SECONDS)
        if lists.asked_batches == before:
            await lists.rest()


def _ask(batch: Batch, lists: ListDecisions, nursery: trio.Nursery) -> None:
    ahead = lists.choose(batch.observations) if batch.of_lists else None
    if ahead is None:
        batch.ready.set()
        return
    batch.ahead = ahead

    async def ask() -> None:
        await lists.ask(ahead)
        batch.ready.set()

    nursery.start_soon(ask)


async def _gathered(first: Observation, observations: trio.MemoryReceiveChannel[Observation]) -> Batch:
    """A batch; where it is of lists, those who read them get a few turns to add to it.

    Without that a list is taken two objects at a time, as fast as they come, and each time costs a look
    into the journal.
    """
    batch = Batch(first)
    batch.fill(observations)
    for _ in range(TURNS if batch.of_lists else 0):
        if batch.full:
            break
        await trio.lowlevel.checkpoint()
        batch.fill(observations)
    return batch


def _of_a_list(observation: Observation) -> bool:
    """A list that runs is not enough: it may be refused for days, and hold up every change of other types."""
    return isinstance(observation, ListStarted) or getattr(observation, "origin", None) is Origin.SNAPSHOT
