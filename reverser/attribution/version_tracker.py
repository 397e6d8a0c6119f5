"""Remembers the version of each object that the watch showed last.

An admission fact carries the version that the request met: the version of the watch event before, status
writes included. So every event is noted, also those that change nothing that is stored. A stream that resumes
after a restart lists nothing: then the first event of an object has no version before it, and attribution
uses what can still be proven.
"""

from __future__ import annotations

from itertools import islice
from typing import Any, NamedTuple

import msgspec

from reverser.attribution.missing_events import SKEW_SECONDS
from reverser.model.change import Change, ListCompleted, ListStarted, Operation, Origin, Stream
from reverser.model.entry import Entry
from reverser.model.observed_write import ObservedWrite, Stamp
from reverser.sanitize import managed_fields

LABELS_MOST = 100
"""Of an object whose labels are looked at for a selector: with 100 they are 32 kB at most."""
OWNERS_MOST = 100
ENTRIES_MOST = 1000
"""Of managedFields, to be looked at: some milliseconds. Ten that update and all that apply are kept."""
STAMPS_MOST = 10
"""Kept with a change, the newest ones."""
INT64 = 2**63
"""A custom resource may count further; whoever keeps facts cannot, and nothing is scaled to that many."""
SCALED = "spec.replicas: "
"""How the field list of a change begins that did nothing but scale."""


class SeenVersion(NamedTuple):
    """One object at one time."""

    version: str
    written_at: float
    deleting: bool
    replicas: int | None
    status_marks: tuple[int, ...]
    stamps: frozenset[int]
    owned_marks: frozenset[tuple[bool, int]]
    wiped: bool


class VersionTracker:
    """The last version of every object, by stream and uid."""

    def __init__(self) -> None:
        self._streams: dict[str, dict[str, SeenVersion]] = {}
        self._lists: dict[str, dict[str, SeenVersion]] = {}

    def started(self, started: ListStarted) -> None:
        """A list begins: only what it brings is there in the end."""
        self._lists[started.stream.id] = {}

    def forget(self, stream: Stream) -> None:
        """Its versions mean something else from here on."""
        self._streams.pop(stream.id, None)

    def completed(self, completed: ListCompleted) -> None:
        """The list is complete."""
        self._streams[completed.stream.id] = self._lists.pop(completed.stream.id, {})

    def note(self, change: Change) -> None:
        """Remember an event; a subject must have been made of it before."""
        metadata = _metadata(change.object)
        uid = metadata.get("uid")
        if not isinstance(uid, str):
            return
        seen, written = self._versions_of(change.stream, change.origin), _bounded_metadata(change)
        if change.removed:
            seen.pop(uid, None)
            return
        seen[uid] = SeenVersion(
            str(metadata.get("resourceVersion", "")),
            managed_fields.changed_at(written) or 0.0,
            change.deleted,
            _replicas(change.object),
            managed_fields.status_marks(written),
            frozenset(managed_fields.stamps(written)),
            managed_fields.owned_marks(written),
            not change.created and _lost_managed_fields(written, seen.get(uid)),
        )

    def versions(self) -> dict[tuple[str, str], str]:
        """(cluster, uid) -> version last seen."""
        return {
            (stream.partition("/")[0], uid): last.version
            for stream, seen in self._streams.items()
            for uid, last in seen.items()
        }

    def subject(self, change: Change, entry: Entry, digest: bytes) -> ObservedWrite | None:
        """What facts are joined with; None for a change that facts cannot explain."""
        metadata = _metadata(change.object)
        uid = metadata.get("uid")
        if change.origin is not Origin.LIVE or not isinstance(uid, str):
            return None
        before = self._versions_of(change.stream, change.origin).get(uid)
        written = _bounded_metadata(change)
        written_at, status_written = (
            _written_at(change, written, before),
            _status_written(change, written, before),
        )
        if change.deleted:
            operation = Operation.DELETE
        else:
            operation = Operation.CREATE if change.created and before is None else Operation.UPDATE
        return ObservedWrite(
            key=change.key,
            kind=entry.kind,
            uid=uid,
            operation=operation,
            version=str(metadata.get("resourceVersion", "")),
            previous_version="" if before is None else before.version,
            removed=change.removed and (before is None or not before.deleting),
            digest=digest,
            replicas_before=None if before is None else before.replicas,
            replicas=_replicas(change.object),
            replicas_only=_scaled_only(entry),
            manager="" if change.deleted or status_written else managed_fields.manager(written),
            subresource=managed_fields.subresource(written) if written_at else None,
            status_written=status_written,
            written_at=written_at,
            stamps=_stamps(written, before) if operation is Operation.UPDATE else (),
            receded=_receded(written, before),
            unstamped=operation is Operation.UPDATE and _lost_managed_fields(written, before),
            created_at=managed_fields.created_at(written) or 0.0,
            restated=before is not None and before.owned_marks == managed_fields.owned_marks(written),
            labels=_labels(metadata.get("labels")),
            owners=tuple(_owners(metadata)),
            seen_at=change.seen_at,
        )

    def _versions_of(self, stream: Stream, origin: Origin) -> dict[str, SeenVersion]:
        if origin is Origin.SNAPSHOT and stream.id in self._lists:
            return self._lists[stream.id]
        return self._streams.setdefault(stream.id, {})


def _scaled_only(entry: Entry) -> bool | None:
    if entry.operation is not Operation.UPDATE or not entry.changes:
        return None
    return len(entry.changes) == 1 and entry.changes[0].startswith(SCALED)


def _bounded_metadata(change: Change) -> dict[str, Any]:
    """The object's metadata; absurdly many entries of managedFields are none: all this holds the loop."""
    metadata = _metadata(change.object)
    entries = metadata.get("managedFields")
    if isinstance(entries, list) and len(entries) > ENTRIES_MOST:
        metadata = {**metadata, "managedFields": []}
    return {"metadata": metadata}


def _written_at(change: Change, written: dict[str, Any], before: SeenVersion | None) -> float:
    """See `ObservedWrite.written_at`."""
    if change.deleted:
        return managed_fields.deletion_asked_at(written) or 0.0
    newest = managed_fields.only_newest_at(written) or 0.0
    if newest > change.seen_at + SKEW_SECONDS:  # somebody has written it there
        return 0.0
    return newest if before is None or newest > before.written_at else 0.0


def _receded(written: dict[str, Any], before: SeenVersion | None) -> bool:
    """See `ObservedWrite.receded`."""
    if before is None:
        return False
    return any(applied for applied, _ in before.owned_marks - managed_fields.owned_marks(written))


def _lost_managed_fields(written: dict[str, Any], before: SeenVersion | None) -> bool:
    """Whether managed fields are gone. Objects that were created without content never have any."""
    if managed_fields.entries(written):
        return False
    return before is None or before.wiped or bool(before.owned_marks)


def _stamps(written: dict[str, Any], before: SeenVersion | None) -> tuple[Stamp, ...]:
    """See `ObservedWrite.stamps`. Without the event before nothing is known to be fresh."""
    known = frozenset[int]() if before is None else before.stamps
    touched = frozenset[int]() if before is None else managed_fields.touched(written, before.owned_marks)
    stamps = [
        msgspec.structs.replace(
            stamp, fresh=before is not None and mark not in known, touched=mark in touched
        )
        for mark, stamp in managed_fields.stamps(written).items()
    ]
    return tuple(sorted(stamps, key=lambda stamp: (stamp.fresh, stamp.at), reverse=True)[:STAMPS_MOST])


def _status_written(change: Change, written: dict[str, Any], before: SeenVersion | None) -> bool:
    """See `ObservedWrite.status_written`. An entry that only went lost its fields to another writer."""
    if change.deleted or before is None:
        return False
    return not {*managed_fields.status_marks(written)} <= {*before.status_marks}


def _metadata(obj: dict[str, Any]) -> dict[str, Any]:
    metadata = obj.get("metadata")
    return metadata if isinstance(metadata, dict) else {}


def _replicas(obj: dict[str, Any]) -> int | None:
    spec = obj.get("spec")
    replicas = spec.get("replicas") if isinstance(spec, dict) else None
    return replicas if isinstance(replicas, int) and abs(replicas) < INT64 else None


def _owners(metadata: dict[str, Any]) -> list[str]:
    owners = metadata.get("ownerReferences")
    uids = (owner.get("uid") for owner in owners or () if isinstance(owner, dict))
    return list(islice((uid for uid in uids if isinstance(uid, str)), OWNERS_MOST))


def _labels(value: Any) -> dict[str, str]:
    """Labels. Those of an object that has absurdly many are none: it is held in memory for minutes."""
    if isinstance(value, dict) and len(value) > LABELS_MOST:
        return {}
    try:
        return msgspec.convert(value or {}, dict[str, str])
    except msgspec.ValidationError:
        return {}
