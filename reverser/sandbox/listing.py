"""LIST: whole, or in pages that all show the moment of the first one.

Objects are kept as immutable bytes, so a snapshot is a list of references: it costs next to
nothing, and a continue token is just its name and an offset.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict
from typing import Any

import msgspec

from reverser.sandbox.history import Stored
from reverser.sandbox.refusal import Refusal
from reverser.sandbox.selection import Selection
from reverser.sandbox.store import Table
from reverser.sandbox.types import Served

KEPT_SNAPSHOTS = 256


class Snapshot(msgspec.Struct, frozen=True):
    """What a list found, at one revision."""

    revision: int
    objects: list[Stored]
    counted: bool
    """Whether clients are told how many remain; a server does so only without selectors."""


class Listing:
    """Answers LIST, and remembers the snapshots that were not read to the end."""

    def __init__(self) -> None:
        self._open: OrderedDict[str, Snapshot] = OrderedDict()

    def first(self, table: Table, selection: Selection, revision: int) -> Snapshot:
        """What is there now, in the order of names."""
        objects = [stored for _, stored in sorted(table.objects.items()) if selection.covers(stored)]
        return Snapshot(revision, objects, selection.everything)

    def resumed(self, token: str) -> tuple[Snapshot, int]:
        """The snapshot and the offset of a continue token. Refuses with Expired."""
        name, _, offset = token.partition(".")
        if name not in self._open or not offset.isdecimal():
            raise Refusal(
                "Expired", "The provided continue parameter is too old to display a consistent list"
            )
        return self._open[name], int(offset)

    def page(self, served: Served, snapshot: Snapshot, offset: int, limit: int, token: str) -> bytes:
        """One page as JSON; `token` is the one that led here, empty for the first page."""
        end = offset + limit if limit else len(snapshot.objects)
        rest = len(snapshot.objects) - end
        metadata: dict[str, Any] = {"resourceVersion": str(snapshot.revision)}
        if rest > 0:
            metadata["continue"] = f"{token.partition('.')[0] or self._keep(snapshot)}.{end}"
            if snapshot.counted:
                metadata["remainingItemCount"] = rest
        head = {
            "kind": f"{served.type.kind}List",
            "apiVersion": served.type.api_version,
            "metadata": metadata,
        }
        items = (_item(served, stored) for stored in snapshot.objects[offset:end])
        return msgspec.json.encode(head)[:-1] + b',"items":[' + b",".join(items) + b"]}"

    def _keep(self, snapshot: Snapshot) -> str:
        name = secrets.token_urlsafe(9).replace(".", "_")
        self._open[name] = snapshot
        if len(self._open) > KEPT_SNAPSHOTS:
            self._open.popitem(last=False)
        return name


def _item(served: Served, stored: Stored) -> bytes:
    """Items of built-in lists come without kind and apiVersion, those of custom resources with them."""
    return served.encode(stored.body) if served.custom else stored.body
