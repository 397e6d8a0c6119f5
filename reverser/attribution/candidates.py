"""Which actors one kind of evidence leaves possible, and whether it may name one of them.

One rule keeps attributions right: a rival needs little proof, an author needs much. A fact that is too weak
to name its actor is still strong enough to make the change ambiguous.
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
    def unique(self) -> bool:
        """Whether the evidence names exactly one actor."""
        return len(self.names) == 1 and self.weight > Weight.RIVAL

    @property
    def ambiguous(self) -> bool:
        """Whether several actors are left, one of whom would be named if the others were not there."""
        return len(self.names) > 1 and self.weight > Weight.RIVAL


def support(weighed: Iterable[Weighed]) -> Support:
    """The possible facts together. Users are told apart by name: it is all that Kubernetes compares."""
    possible = [(weight, fact) for weight, fact in weighed if weight > Weight.RULED_OUT]
    if not possible:
        return Support()
    weight, fact = max(possible, key=lambda each: (each[0], -each[1].at, each[1].id))
    return Support(frozenset(fact.actor.name for _, fact in possible), weight, fact)
