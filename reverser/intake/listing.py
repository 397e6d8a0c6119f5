"""Holds what an incomplete list has brought so far, one decision for each object.

Nothing of it reaches the journal's tables before the list is complete; when the list starts again or breaks
off, its decisions are dropped. Files to write are staged in the journal batch by batch, so that memory holds
only the objects' names. Two kinds cannot be staged and stay in memory: documents that are to be encrypted,
whose values are in clear, and objects that are withheld.
"""

from __future__ import annotations

from collections.abc import Iterable

from reverser.model.change import Stream
from reverser.model.condition import Suspicion, Withheld
from reverser.model.entry import Decision, Outcome, RecordKey, Staged
from reverser.model.resource import ObjectKey

STAGED_AT_ONCE = 100
STAGED_BYTES = 256 * 1024


class Listing:
    """The decisions of one running list."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._seen: dict[str, tuple[str, ...]] = {}
        """Namespace and name -> the destinations for which something is staged."""
        self._fresh: dict[ObjectKey, dict[str, Decision]] = {}
        self._fresh_bytes = 0
        self._unstaged: dict[ObjectKey, dict[str, Decision]] = {}
        self._void: dict[ObjectKey, None] = {}
        self._suspicions: dict[RecordKey, tuple[Suspicion, ...]] = {}

    def present(self, key: ObjectKey) -> None:
        """The object is there: whatever was decided about an earlier state of it is void."""
        self.absent(key)
        self._seen[_name(key)] = ()

    def absent(self, key: ObjectKey) -> None:
        """The object went while the list was running, and so does what was decided about it."""
        for destination in self._seen.pop(_name(key), ()):
            self._void[key] = None
            self._suspicions.pop((destination, key), None)
        self._fresh.pop(key, None)
        self._unstaged.pop(key, None)

    def decide(self, destination: str, key: ObjectKey, decision: Decision) -> None:
        """Take in the decision about one object in one destination."""
        if decision.clear is not None or decision.withheld is not None:
            self._unstaged.setdefault(key, {})[destination] = decision
        elif decision.entry is not None:
            self._fresh.setdefault(key, {})[destination] = decision
            self._fresh_bytes += len(decision.entry.edit.content or b"")

    @property
    def full(self) -> bool:
        """Whether it is time to stage what has come."""
        return len(self._fresh) >= STAGED_AT_ONCE or self._fresh_bytes >= STAGED_BYTES

    def take(self) -> Staged | None:
        """What is to be staged now; None: nothing. It counts as staged from here on."""
        if not self._fresh and not self._void:
            return None
        fresh, void = self._fresh, tuple(self._void)
        self._fresh, self._void, self._fresh_bytes = {}, {}, 0
        for key, decisions in fresh.items():
            self._seen[_name(key)] = (*self._seen.get(_name(key), ()), *decisions)
            self._suspicions |= {
                (name, key): each.suspicions for name, each in decisions.items() if each.suspicions
            }
        return Staged(void, tuple(_outcomes(fresh)))

    def withhold(self, rows: Iterable[Withheld]) -> None:
        """Keep these objects back: what was decided about them cannot be staged."""
        for row in rows:
            name = _name(row.key)
            self._seen[name] = tuple(each for each in self._seen[name] if each != row.destination)
            self._suspicions.pop((row.destination, row.key), None)
            self.decide(row.destination, row.key, Decision("withheld", withheld=row))

    def unstaged(self) -> list[tuple[str, ObjectKey, Decision]]:
        """(destination, key, decision) of what cannot be staged, in the order in which it was seen last."""
        return [
            (name, key, each) for key, decisions in self._unstaged.items() for name, each in decisions.items()
        ]

    def staged(self, record_key: RecordKey) -> bool:
        """Whether the object is to be written, or removed, as it was staged."""
        return self._here(record_key[1]) and record_key[0] in self._seen.get(_name(record_key[1]), ())

    @property
    def suspicions(self) -> dict[RecordKey, tuple[Suspicion, ...]]:
        """What looks like a secret in what was staged."""
        return self._suspicions

    def sees(self, key: ObjectKey) -> bool:
        """Whether the list has brought this object."""
        return self._here(key) and _name(key) in self._seen

    def misses(self, key: ObjectKey) -> bool:
        """Whether the list, were it complete, would prove this object to be gone."""
        return self._here(key) and _name(key) not in self._seen

    def _here(self, key: ObjectKey) -> bool:
        return self._stream.holds(key)


def _outcomes(fresh: dict[ObjectKey, dict[str, Decision]]) -> Iterable[Outcome]:
    for key, decisions in fresh.items():
        for destination, decision in decisions.items():
            if decision.entry is not None:
                yield Outcome(destination, key, decision.entry, decision.record)


def _name(key: ObjectKey) -> str:
    return f"{key.namespace}/{key.name}"
