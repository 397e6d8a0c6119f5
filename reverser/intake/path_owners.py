"""Which object owns which path, where a plugin chooses the paths.

The built-in layouts give every object a path of its own; a plugin may not. The first object keeps the path, a
second one is withheld. A file whose path is a folder of other files would hide these, so such a path counts
as taken, too.
"""

from __future__ import annotations

from collections import Counter

from reverser.layout.paths import folders
from reverser.model.change import Change
from reverser.model.condition import Withheld
from reverser.model.entry import Decision, Record
from reverser.model.resource import ObjectKey


class PathOwners:
    """The paths of one destination."""

    def __init__(self) -> None:
        self._owners: dict[str, ObjectKey] = {}
        self._paths: dict[ObjectKey, str] = {}
        self._folders: Counter[str] = Counter()

    def seed(self, record: Record) -> None:
        """The object has this path from earlier."""
        self._claim(record.key, record.path)

    def resolve(self, change: Change, decision: Decision) -> Decision:
        """The decision, or one that withholds the object because another object has its path."""
        if decision.forget:
            self.release(change.key)
        record = decision.record
        if record is None:
            return decision
        before = self.release(change.key)
        conflict = self._taken(record.path)
        self._claim(change.key, before if conflict else record.path)
        if not conflict:
            return decision
        withheld = Withheld(record.destination, change.key, "PathTaken", conflict, change.seen_at)
        return Decision("withheld", withheld=withheld)

    def release(self, key: ObjectKey) -> str:
        """The object has no file any more; which it had, "" for none."""
        path = self._paths.pop(key, "")
        if self._owners.get(path) == key:
            del self._owners[path]
            self._folders.subtract(folders(path))
        return path

    def _taken(self, path: str) -> str:
        """Why the path is another's; "" when it is free."""
        if path in self._owners:
            return (
                f"{self._owners[path]} already has the file {path!r}: the layout gives both objects this path"
            )
        for folder in folders(path):
            if folder in self._owners:
                return f"{self._owners[folder]} has the file {folder!r}, which cannot be a folder as well"
        return f"{path!r} is a folder with files of other objects" if self._folders[path] > 0 else ""

    def _claim(self, key: ObjectKey, path: str) -> None:
        if path and path not in self._owners:
            self._owners[path], self._paths[key] = key, path
            self._folders.update(folders(path))
