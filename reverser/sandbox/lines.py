"""What a watching client is told: what was there, what happened, and bookmarks, as lines of JSON.

`Lines` turns history into bytes and keeps the client's position. It is asked, and never waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from reverser.sandbox.history import Event, Stored
from reverser.sandbox.refusal import Refusal
from reverser.sandbox.selection import Selection
from reverser.sandbox.store import Table, decode
from reverser.sandbox.types import Served


class Lines:
    """One client's view of one type, from its position on."""

    def __init__(self, table: Table, served: Served, selection: Selection) -> None:
        self.table = table
        self.revision = 0
        """The client knows everything up to here."""
        self._served = served
        self._selection = selection

    def present(self, revision: int) -> list[bytes]:
        """An ADDED line for every object; the position is `revision` then."""
        self.revision = revision
        objects = sorted(self.table.objects.items())
        return [self.line("ADDED", stored) for _, stored in objects if self._selection.covers(stored)]

    def news(self) -> list[bytes]:
        """A line for every event since the last call."""
        events = self.table.history.after(self.revision)
        if events:
            self.revision = events[-1].now.revision
        return [line for event in events for line in self._seen(event)]

    def line(self, kind: str, stored: Stored) -> bytes:
        """One event."""
        return b'{"type":"%b","object":%b}\n' % (kind.encode(), self._served.encode(stored.body))

    def bookmark(self, revision: int, annotations: Mapping[str, str] | None = None) -> bytes:
        """The position, and nothing else."""
        metadata: dict[str, Any] = {"resourceVersion": str(revision)}
        if annotations:
            metadata["annotations"] = annotations
        stored = Stored("", "", revision, {}, msgspec.json.encode({"metadata": metadata}))
        return self.line("BOOKMARK", stored)

    def _seen(self, event: Event) -> Iterable[bytes]:
        """An object that enters or leaves the selection appears or disappears for this client."""
        now = event.type != "DELETED" and self._selection.covers(event.now)
        before = event.before is not None and self._selection.covers(event.before)
        if now:
            yield self.line("MODIFIED" if before else "ADDED", event.now)
        elif before and event.type == "DELETED":
            yield self.line("DELETED", event.now)
        elif before and event.before:
            yield self.line("DELETED", _out_of_selection(event.before, event.now.revision))


def error_line(refusal: Refusal) -> bytes:
    """The event that ends a watch which cannot go on."""
    return b'{"type":"ERROR","object":%b}\n' % msgspec.json.encode(refusal.document())


def _out_of_selection(stored: Stored, revision: int) -> Stored:
    """The last state that the client may see of an object that left its selection."""
    content = decode(stored)
    content["metadata"]["resourceVersion"] = str(revision)
    return msgspec.structs.replace(stored, body=msgspec.json.encode(content))
