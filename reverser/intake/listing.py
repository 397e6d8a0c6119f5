"""A list that is not complete yet: what it has brought so far, one decision an object.

Nothing of it reaches the journal before the list is complete. A list that starts again, or breaks
off, takes its decisions with it.
"""

from __future__ import annotations

from reverser.model.resource import ObjectKey
from reverser.stages.decide import Decision


class Listing:
    """The decisions of one running list."""

    def __init__(self) -> None:
        self.seen: set[ObjectKey] = set()
        self._decisions: dict[tuple[str, ObjectKey], Decision] = {}

    def present(self, key: ObjectKey) -> None:
        """The object is in the list."""
        self.seen.add(key)

    def absent(self, key: ObjectKey) -> None:
        """The object went while the list was running: whatever was decided about it is void."""
        self.seen.discard(key)
        for place in [place for place in self._decisions if place[1] == key]:
            del self._decisions[place]

    def decide(self, destination: str, key: ObjectKey, decision: Decision) -> None:
        """Keep the newest decision about one object in one destination."""
        self._decisions[destination, key] = decision

    def decisions(self) -> list[tuple[str, ObjectKey, Decision]]:
        """(destination, key, decision) of all objects, in list order."""
        return [(destination, key, decision) for (destination, key), decision in self._decisions.items()]
