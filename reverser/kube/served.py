"""Which types count as served, as a pure machine.

Discovery blinks: a group can be missing from one answer and back in the next, during an upgrade or
while an aggregated API restarts. So additions take effect at once, and removals after a while.
"""

from __future__ import annotations

from collections.abc import Iterable

from reverser.model.resource import ResourceType

GRACE_SECONDS = 60.0


class Served:
    """What discovery has told lately."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], tuple[ResourceType, float]] = {}
        self._learned_at = 0.0

    @property
    def types(self) -> tuple[ResourceType, ...]:
        """What counts as served, one version a type."""
        return tuple(type_ for type_, _ in self._seen.values())

    @property
    def missing(self) -> frozenset[ResourceType]:
        """Those of them that the newest answer lacks."""
        return frozenset(type_ for type_, seen_at in self._seen.values() if seen_at < self._learned_at)

    def learn(self, types: Iterable[ResourceType], now: float) -> None:
        """Take an answer in; `now` in seconds of any steady clock."""
        self._learned_at = now
        for type_ in types:
            self._seen[type_.group, type_.resource] = (type_, now)
        for place, (_, seen_at) in list(self._seen.items()):
            if now - seen_at > GRACE_SECONDS:
                del self._seen[place]
