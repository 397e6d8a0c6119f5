"""Which types count as served, and by which version each is read, as a pure machine.

Discovery blinks: a group can be missing from one answer and back in the next, during an upgrade or
while an aggregated API restarts. So additions take effect at once, and removals after a while.

Behind one address may be API servers of two releases, which prefer different versions of a type. The
version decides the `apiVersion` of every file, so the one in use stays for as long as it is served;
another one is taken when every answer has preferred it for a while.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from reverser.model.resource import ResourceType

GRACE_SECONDS = 60.0
STEADY_SECONDS = 300.0
"""For how long another version must be preferred before it is read."""


class Seen(msgspec.Struct):
    """One type."""

    type: ResourceType
    """In the version in use."""
    seen_at: float
    preferred: str
    """The version that the newest answer preferred."""
    preferred_since: float
    changed_at: float = float("-inf")
    """When another version than before was taken last."""


class Served:
    """What discovery has told lately."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], Seen] = {}
        self._learned_at = 0.0

    @property
    def types(self) -> tuple[ResourceType, ...]:
        """What counts as served, one version a type."""
        return tuple(seen.type for seen in self._seen.values())

    @property
    def missing(self) -> frozenset[ResourceType]:
        """Those of them that the newest answer lacks."""
        return frozenset(seen.type for seen in self._seen.values() if seen.seen_at < self._learned_at)

    def learn(self, types: Iterable[ResourceType], now: float) -> None:
        """Take an answer in, all versions of a type by preference; `now` in seconds of any steady clock."""
        self._learned_at = now
        offered: dict[tuple[str, str], list[ResourceType]] = {}
        for type_ in types:
            offered.setdefault((type_.group, type_.resource), []).append(type_)
        for place, versions in offered.items():
            self._seen[place] = _next(self._seen.get(place), versions, now)
        for place, seen in list(self._seen.items()):
            if now - seen.seen_at > GRACE_SECONDS:
                del self._seen[place]


def _next(seen: Seen | None, versions: list[ResourceType], now: float) -> Seen:
    """What is known of a type after an answer that has these versions of it."""
    first = versions[0]
    if seen is None:
        return Seen(first, now, first.version, now)
    since = seen.preferred_since if seen.preferred == first.version else now
    in_use = [type_ for type_ in versions if type_.version == seen.type.version]
    if in_use and (in_use[0].version == first.version or now - since < STEADY_SECONDS):
        return Seen(in_use[0], now, first.version, since, seen.changed_at)
    if not in_use and now - seen.changed_at < STEADY_SECONDS:
        # Two servers that have no version in common: the type does not go to and fro between them.
        return msgspec.structs.replace(seen, preferred=first.version, preferred_since=since)
    return Seen(first, now, first.version, since, now)
