"""Which object has which file, where a plugin says where files are.

The built-in layouts keep objects apart by what they are made of; of a plugin's nobody knows. The first
object keeps its path, the second is withheld.
"""

from __future__ import annotations

from reverser.model.change import Change
from reverser.model.entry import Record
from reverser.model.resource import ObjectKey
from reverser.model.withheld import Withheld
from reverser.stages.decide import Decision


class Claims:
    """The paths of one destination."""

    def __init__(self) -> None:
        self._owners: dict[str, ObjectKey] = {}
        self._paths: dict[ObjectKey, str] = {}

    def seed(self, record: Record) -> None:
        """This object has a file already."""
        self._claim(record.key, record.path)

    def settled(self, change: Change, decision: Decision) -> Decision:
        """The decision itself, or that the object is withheld because its path is another's."""
        if decision.forget:
            self._release(change.key)
        record = decision.record
        if record is None:
            return decision
        owner = self._owners.get(record.path, change.key)
        if owner != change.key:
            told = f"{owner} has the file {record.path!r} already: the layout puts both there"
            withheld = Withheld(record.destination, change.key, "PathTaken", told, change.seen_at)
            return Decision("withheld", withheld=withheld)
        self._release(change.key)
        self._claim(change.key, record.path)
        return decision

    def _claim(self, key: ObjectKey, path: str) -> None:
        self._owners[path], self._paths[key] = key, path

    def _release(self, key: ObjectKey) -> None:
        path = self._paths.pop(key, None)
        if path is not None:
            del self._owners[path]
