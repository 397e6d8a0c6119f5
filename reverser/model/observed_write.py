"""One persisted write of one object, as its watch event shows it: the change that wants an author.

Only events of a running or resumed watch are subjects. An object of a list may stand for several
writes by several people, so it has no author.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from reverser.model.change import Operation
from reverser.model.resource import ObjectKey


class Stamp(msgspec.Struct, frozen=True):
    """What an entry of `managedFields` says of the last write that it is of."""

    manager: str
    applied: bool
    """Whether it was a server-side apply."""
    subresource: str
    at: float
    """Unix seconds, whole ones; 0: not known."""
    fresh: bool = False
    """Whether the event before did not have it."""
    touched: bool = False
    """Whether the event before did not have it with these fields."""


class ObservedWrite(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a change without asking who made it."""

    key: ObjectKey
    kind: str
    uid: str
    operation: Operation
    """CREATE: ADDED, of a uid not seen before. DELETE: the first event that shows a `deletionTimestamp`,
    or DELETED. UPDATE: every other change of content."""
    version: str
    """resourceVersion of the watch event."""
    previous_version: str = ""
    """That of the uid's event before, status writes included; empty when it is not known (the first event
    of the uid since a restart). CREATE has none."""
    removed: bool = False
    """DELETE: the object is gone, and no event before showed a `deletionTimestamp`."""
    digest: bytes = b""
    """Keyed like that of the facts, of the content after the change; empty: not comparable."""
    replicas_before: int | None = None
    replicas: int | None = None
    """`spec.replicas` before and after."""
    replicas_only: bool | None = None
    """Whether nothing but `spec.replicas` changed in the sanitized content; None: not known."""
    manager: str = ""
    """The newest field manager that is not a status writer. Not used for deletions."""
    subresource: str | None = None
    """The subresource of that manager's entry, empty for none; None: not known. A scale leaves `scale`."""
    status_written: bool = False
    """Whether the status entries of `managedFields` are others than at the event before: only a write through
    the subresource `status`, of which admission is not told, makes new ones."""
    written_at: float = 0.0
    """The whole second that the API server stamped on this very write, in Unix seconds; 0: not known.
    CREATE and UPDATE: the newest `managedFields` time that is not a status writer's, only when exactly one
    entry has it and it is later than the newest of the event before (removing fields stamps nothing).
    DELETE: `deletionTimestamp` less `deletionGracePeriodSeconds`."""
    stamps: tuple[Stamp, ...] = ()
    """UPDATE: the newest of other writes than status writes, some at most."""
    receded: bool = False
    """UPDATE: an entry of a server-side apply has lost fields, or went, since the event before: an apply that
    gives up all that it had stamps nothing."""
    unstamped: bool = False
    """UPDATE: the object has no managed fields, and somebody may have wiped them: no write leaves a stamp."""
    created_at: float = 0.0
    """Unix seconds, whole ones; 0: not known."""
    restated: bool = False
    """UPDATE: no entry has changed since the event before: the same fields, written in the same second."""
    labels: Mapping[str, str] = {}
    """For the selector of a `deletecollection`."""
    owners: tuple[str, ...] = ()
    """The uids in `ownerReferences`."""
    seen_at: float
    """Unix seconds, by our clock."""

    @property
    def cluster(self) -> str:
        return self.key.cluster
