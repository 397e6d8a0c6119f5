"""A list that is not complete yet: what it has brought so far, one decision an object.

Nothing of it reaches the journal before the list is complete. A list that starts again, or breaks
off, takes its decisions with it.
"""

from __future__ import annotations

from reverser.model.change import Stream
from reverser.model.resource import ObjectKey
from reverser.stages.decision import Decision


class Listing:
    """The decisions of one running list."""

    def __init__(self, stream: Stream) -> None:
        self.seen: set[ObjectKey] = set()
        self._stream = stream
        self._decisions: dict[ObjectKey, dict[str, Decision]] = {}

    def present(self, key: ObjectKey) -> None:
        """The object is there: whatever was decided about an earlier state of it is void."""
        self.seen.add(key)
        self._decisions.pop(key, None)

    def absent(self, key: ObjectKey) -> None:
        """The object went while the list was running, and so does what was decided about it."""
        self.seen.discard(key)
        self._decisions.pop(key, None)

    def decide(self, destination: str, key: ObjectKey, decision: Decision) -> None:
        """Keep the decision about one object in one destination."""
        self._decisions.setdefault(key, {})[destination] = decision

    def decisions(self) -> list[tuple[str, ObjectKey, Decision]]:
        """(destination, key, decision) of all objects, in the order in which they were seen last."""
        return [
            (destination, key, decision)
            for key, made in self._decisions.items()
            for destination, decision in made.items()
        ]

    def misses(self, key: ObjectKey) -> bool:
        """Whether the list, were it complete, would prove this object to be gone."""
        stream = self._stream
        listed = (stream.cluster, stream.type.group, stream.type.resource)
        in_scope = listed == (key.cluster, key.group, key.resource) and stream.namespace in (
            "",
            key.namespace,
        )
        return in_scope and key not in self.seen
