"""The store that can be written.

Writing is a plain function call: whoever calls it has made the new state and owns the meaning
(`registry`). Here an object gets its resourceVersion, its bytes, and its event.
"""

from __future__ import annotations

import msgspec
import trio

from reverser.sandbox.history import Event, Stored
from reverser.sandbox.store import Object, Table

FIRST_REVISION = 100
"""As on a real server, history never reaches back to revision 1: a watch from there is too old."""


class Storage:
    """All tables, and how they change."""

    def __init__(self) -> None:
        self.revision = FIRST_REVISION
        self.tables: dict[tuple[str, str], Table] = {}
        self.writing = trio.Lock()
        """Held from reading an object to storing its next version, while webhooks are asked about it."""

    def open(self, name: tuple[str, str]) -> None:
        """Make an empty table if there is none."""
        if name not in self.tables:
            self.tables[name] = Table(self.revision)

    def drop(self, name: tuple[str, str]) -> None:
        """Remove a table; its watches end."""
        self.tables.pop(name).history.close()

    def write(self, table: Table, content: Object) -> Stored:
        """Store the next version of an object and tell its watches."""
        stored = self._version(content)
        key = (stored.namespace, stored.name)
        before = table.objects.get(key)
        table.objects[key] = stored
        table.history.append(Event("MODIFIED" if before else "ADDED", stored, before))
        return stored

    def remove(self, table: Table, content: Object) -> Stored:
        """Remove an object, with `content` as its last state."""
        stored = self._version(content)
        before = table.objects.pop((stored.namespace, stored.name))
        table.history.append(Event("DELETED", stored, before))
        return stored

    def _version(self, content: Object) -> Stored:
        self.revision += 1
        metadata = content["metadata"]
        metadata["resourceVersion"] = str(self.revision)
        return Stored(
            metadata.get("namespace", ""),
            metadata["name"],
            self.revision,
            metadata.get("labels") or {},
            msgspec.json.encode(content),
        )
