"""Listens in on the observations for what changes discovery: CRDs and APIServices."""

from __future__ import annotations

from collections.abc import Callable

import trio

from reverser.model.change import Change, Observation

TYPE_MAKERS = {
    ("apiextensions.k8s.io", "customresourcedefinitions"),
    ("apiregistration.k8s.io", "apiservices"),
}


class Tap:
    """Hands observations on, and pokes when one of them changes what the API server serves."""

    def __init__(self, send: trio.MemorySendChannel[Observation], poke: Callable[[], None]) -> None:
        self._send = send
        self._poke = poke

    async def send(self, observation: Observation) -> None:
        """Hand one on; waits while the intake is busy."""
        await self._send.send(observation)
        if isinstance(observation, Change) and _type(observation) in TYPE_MAKERS:
            self._poke()


def _type(change: Change) -> tuple[str, str]:
    return change.key.group, change.key.resource
