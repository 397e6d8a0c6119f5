"""Which actors one kind of evidence leaves possible, and whether it may name one of them.

The asymmetry that keeps attributions right: rivals are counted generously, authors strictly. A
fact that may just as well have made the change makes it ambiguous, even when its own proof would
not be enough to name its actor.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable

import msgspec

from reverser.model.fact import Fact

Weighed = tuple["Weight", Fact]


class Weight(enum.IntEnum):
    """What one fact means for one change."""

    RULED_OUT = 0
    RIVAL = 1
    """May have made the change, but names nobody."""
    FITS = 2
    """Met the right version; the content could not be compared."""
    PROVES = 3


class Support(msgspec.Struct, frozen=True):
    """The facts of one kind of evidence that the change leaves possible."""

    names: frozenset[str] = frozenset()
    """The actors behind them."""
    weight: Weight = Weight.RULED_OUT
    """The strongest of them."""
    fact: Fact | None = None
    """One of them that tells most, the same whatever order they came in."""

    @property
    def sole(self) -> bool:
        """Whether it names exactly one actor."""
        return len(self.names) == 1 and self.weight > Weight.RIVAL

    @property
    def torn(self) -> bool:
        """Whether it leaves several actors, one of whom could be named without the others."""
        return len(self.names) > 1 and self.weight > Weight.RIVAL


def support(weighed: Iterable[Weighed]) -> Support:
    """The possible facts together. Users are told apart by name: it is all that Kubernetes compares."""
    possible = [(weight, fact) for weight, fact in weighed if weight > Weight.RULED_OUT]
    if not possible:
        return Support()
    weight, fact = max(possible, key=lambda each: (each[0], -each[1].at, each[1].id))
    return Support(frozenset(fact.actor.name for _, fact in possible), weight, fact)
