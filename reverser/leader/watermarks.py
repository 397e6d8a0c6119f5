"""Finds the positions below which everything is pushed. Pure.

Positions and entries come into the journal together. So once nothing of a moment is pending, all that the
positions of this moment say is pushed. Under load something is always pending: the moments of the last
minutes are remembered, and a stream's position is that of the newest moment of which none of its
destinations has an entry pending.

A stream with an object that is withheld has no position: the next leader lists its type.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection

import msgspec

from reverser.model.journal import Standing
from reverser.model.resource import ObjectKey

MOMENTS = 120
"""A destination that lags behind all of them has its types listed by the next leader."""
HEADS = "head/"


class Moment(msgspec.Struct, frozen=True):
    """How far everything had come, once."""

    number: int
    """Rising."""
    last_seq: int
    positions: dict[str, tuple[str, str]]
    heads: dict[str, str]


class Watermarks:
    """The moments that are remembered."""

    def __init__(self, destinations_of: Callable[[str], Collection[str]]) -> None:
        """`destinations_of` tells by a stream's id where its changes go."""
        self._destinations_of = destinations_of
        self._moments = deque[Moment](maxlen=MOMENTS)
        self._number = 0

    def pushed(
        self, standing: Standing, strangers: Collection[str] = ()
    ) -> tuple[dict[str, tuple[str, str]], dict[str, str]]:
        """Remember this moment; `strangers` are destinations that any stream may lead to.

        Returns positions below which all is pushed, and for each destination the commit before all that is
        behind them.
        """
        heads = {
            name.removeprefix(HEADS): head
            for name, head in standing.settings.items()
            if name.startswith(HEADS)
        }
        self._number += 1
        self._moments.append(Moment(self._number, standing.last_seq, _without_withheld(standing), heads))
        positions, used = dict[str, tuple[str, str]](), dict[str, Moment]()
        for stream in standing.positions:
            names = {*self._destinations_of(stream), *strangers}
            moment = self._newest([standing.oldest[name] for name in names if name in standing.oldest])
            if moment is None or stream not in self._moments[-1].positions.keys() & moment.positions.keys():
                continue
            positions[stream] = moment.positions[stream]
            for name in names:
                used[name] = min(used.get(name, moment), moment, key=lambda each: each.number)
        newest = self._moments[-1].heads
        return positions, {
            name: used[name].heads.get(name, "") if name in used else head for name, head in newest.items()
        }

    def _newest(self, pending: Collection[int]) -> Moment | None:
        """The newest moment before all of these numbers."""
        before = min(pending, default=None)
        if before is None:
            return self._moments[-1]
        return next((each for each in reversed(self._moments) if each.last_seq < before), None)


def _without_withheld(standing: Standing) -> dict[str, tuple[str, str]]:
    return {
        stream: position
        for stream, position in standing.positions.items()
        if position[0] and not any(_holds(stream, key) for key in standing.withheld)
    }


def _holds(stream: str, key: ObjectKey) -> bool:
    of_type = f"{key.cluster}/{key.type_name}/"
    return stream in (of_type, f"{of_type}{key.namespace}")
