"""Hands observations on, and asks for discovery when a CRD or an APIService changes.

`InFlightBytes` bounds the bytes of the observations that are not in the journal yet.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import trio

from reverser.model.change import Change, Observation
from reverser.model.resource import DEFINITIONS

TYPE_MAKERS = {
    DEFINITIONS,
    ("apiregistration.k8s.io", "apiservices"),
}

BYTES_MOST = 32 * 1024 * 1024
"""Of JSON; decoded it takes up to five times as much."""
SMALL_BYTES = 16 * 1024
"""Of JSON; decoded in a fraction of a millisecond."""


class InFlightBytes:
    """Bounds the bytes of all observations on their way, from being handed on to being journaled."""

    def __init__(self, most: int = BYTES_MOST) -> None:
        self._most = most
        self._given = trio.Event()
        self.held = 0
        """Bytes that are on their way."""

    async def take(self, observation: Observation) -> None:
        """Wait until there is room for it; one that is larger than all of it goes alone."""
        size = _size(observation)
        while self.held and self.held + size > self._most:
            await self._given.wait()
        self.held += size

    def give(self, *observations: Observation) -> None:
        """These are on their way no more."""
        self.held -= sum(map(_size, observations))
        self._given.set()
        self._given = trio.Event()


class DiscoveryTrigger:
    """Hands observations on, and pokes when one of them changes what the API server serves."""

    def __init__(
        self,
        send: trio.MemorySendChannel[Observation],
        poke: Callable[[], None],
        room: InFlightBytes | None = None,
    ) -> None:
        self._send = send
        self._poke = poke
        self._room = room

    async def send(self, observation: Observation) -> None:
        """Hand one on; waits while the intake is busy."""
        if self._room is not None:
            await self._room.take(observation)
        try:
            await self._put(observation)
        except BaseException:
            if self._room is not None:
                self._room.give(observation)
            raise
        if isinstance(observation, Change) and _type(observation) in TYPE_MAKERS:
            self._poke()

    async def _put(self, observation: Observation) -> None:
        """Small ones without giving up the turn, until the channel is full: a list has very many of them."""
        if _size(observation) <= SMALL_BYTES:
            with suppress(trio.WouldBlock):
                self._send.send_nowait(observation)
                return
        await self._send.send(observation)


def _type(change: Change) -> tuple[str, str]:
    return change.key.group, change.key.resource


def _size(observation: Observation) -> int:
    return observation.size if isinstance(observation, Change) else 0
