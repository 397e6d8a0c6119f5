"""What is served: objects by type, what happened to them, and one rising revision for all of them.

`Store` is all that the serving half asks for, so that whatever has tables can be served. An object that is
stored is never changed: its next version is another one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from operator import attrgetter
from typing import Any, Protocol

import msgspec

from reverser.model.resource import ResourceType
from reverser.sandbox.refusal import Refusal
from reverser.sandbox.types import table_of

Object = dict[str, Any]


class TableEvent(msgspec.Struct, frozen=True):
    """One step of one object."""

    revision: int
    type: str
    """ADDED, MODIFIED or DELETED."""
    now: Object
    """For DELETED: the last state, with the resourceVersion of the deletion."""
    before: Object | None = None


class Table:
    """The objects of one type, and the events after `oldest`, the revision at which it came to be."""

    def __init__(self, oldest: int) -> None:
        self.oldest = oldest
        self.objects: dict[tuple[str, str], Object] = {}
        """By namespace and name."""
        self.events: list[TableEvent] = []

    def events_after(self, revision: int) -> list[TableEvent]:
        """What happened since, in order. Refuses with Expired when that is not known any more."""
        if revision < self.oldest:
            raise Refusal("Expired", f"too old resource version: {revision} ({self.oldest})")
        return self.events[bisect_right(self.events, revision, key=attrgetter("revision")) :]


class Store(Protocol):
    """All tables."""

    @property
    def revision(self) -> int:
        """The newest resourceVersion."""

    @property
    def tables(self) -> Mapping[tuple[str, str], Table]:
        """By group and plural."""

    async def changed(self) -> None:
        """Return when there may be something new."""


def find(store: Store, type_: ResourceType, namespace: str, name: str) -> Object:
    """The stored object. Refuses with NotFound."""
    try:
        return store.tables[table_of(type_)].objects[namespace, name]
    except KeyError:
        raise Refusal("NotFound", f'{type_.name} "{name}" not found') from None
