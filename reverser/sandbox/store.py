"""What is served: objects by type, and one rising revision for all of them.

This is all that the serving half asks for, so that whatever has tables can be served.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from reverser.sandbox.history import History, Stored
from reverser.sandbox.refusal import Refusal
from reverser.sandbox.types import Served

Object = dict[str, Any]


class Table:
    """The objects of one type, whatever version they are served in."""

    def __init__(self, floor: int) -> None:
        self.objects: dict[tuple[str, str], Stored] = {}
        """By namespace and name."""
        self.history = History(floor)


class Store(Protocol):
    """All tables."""

    @property
    def revision(self) -> int:
        """The newest resourceVersion."""

    @property
    def tables(self) -> Mapping[tuple[str, str], Table]:
        """By group and plural."""


def find(store: Store, served: Served, namespace: str, name: str) -> Stored:
    """The stored object. Refuses with NotFound."""
    stored = store.tables[served.table].objects.get((namespace, name))
    if stored is None:
        raise Refusal("NotFound", f'{served.type.name} "{name}" not found')
    return stored


def decode(stored: Stored) -> Object:
    """A fresh copy of the object, without `kind` and `apiVersion`."""
    content: Object = msgspec.json.decode(stored.body)
    return content
