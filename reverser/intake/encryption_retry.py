"""Encrypts again, ever more slowly, what could not be encrypted when it was decided.

It goes into the journal by the same door as everything else, a few objects at a time between two
batches of the intake, with the author that it had at first.
"""

from __future__ import annotations

import time

import trio

from reverser.attribution.attributor import Attributor, Nobody
from reverser.intake.decision_state import Memory
from reverser.intake.encryption import Sealing
from reverser.model.entry import Place

RETRY_SECONDS = 5.0
RETRY_SECONDS_MOST = 300.0
CHUNK = 20


class Again:
    """Tries what waits in a `Sealing`."""

    def __init__(
        self,
        sealing: Sealing,
        memory: Memory,
        attributor: Attributor | Nobody,
        turn: trio.Lock,
    ) -> None:
        """`turn` is held by whoever makes an append of what the journal knows."""
        self._sealing = sealing
        self._memory = memory
        self._attributor = attributor
        self._turn = turn

    async def run(self) -> None:
        """Try again until cancelled."""
        pause = RETRY_SECONDS
        while True:
            await self._sealing.stirred()
            await trio.sleep(pause)
            await self._sealing.mend()
            places = self._sealing.waiting
            for start in range(0, len(places), CHUNK):
                async with self._turn:
                    await self._take(places[start : start + CHUNK])
            pause = min(2 * pause, RETRY_SECONDS_MOST) if self._sealing.troubled else RETRY_SECONDS

    async def _take(self, places: list[Place]) -> None:
        draft = await self._memory.draft(places)
        for place in places:
            decision = self._sealing.decision(place)
            if decision is not None:
                draft.add(*place, await self._sealing.sealed(*place, decision))
        self._attributor.journaled(await self._memory.append(draft, time.time()))
