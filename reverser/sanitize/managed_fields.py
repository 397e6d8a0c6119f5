"""managedFields, read for who wrote last and when.

The newest entry is often the controller's status entry, so entries of the subresource `status` do
not count. An entry may lack `time`, and a list may be missing or wiped: nothing here ever raises,
and what cannot be told is "" or None. Who owns which field is told by `sanitize.field_owners`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from reverser.model.attribution import bounded
from reverser.model.observed_write import Stamp

STATUS = "status"
APPLY = "Apply"
BUCKETS = ("before-first-apply", "ancient-changes")
"""Managers that the API server makes up: nobody writes as them by an ordinary request."""
TIME_CHARACTERS = 64
"""A longer text is no time."""


def entries(obj: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The entries of managedFields that wrote something else than status."""
    return [each for each in _all(obj) if each.get("subresource") != STATUS]


def status_marks(obj: Mapping[str, Any]) -> tuple[int, ...]:
    """A mark of each entry that wrote status; equal in this process for equal entries."""
    return tuple(sorted(_mark(each) for each in _all(obj) if each.get("subresource") == STATUS))


def manager(obj: Mapping[str, Any]) -> str:
    """The newest field manager that is not a status writer: names a tool, not a person; "" if unknown."""
    newest = _newest(obj)
    return str(newest.get("manager", "")) if newest is not None else ""


def written(obj: Mapping[str, Any]) -> tuple[str, float | None]:
    """That manager, and when it wrote; None if unknown."""
    newest = _newest(obj)
    return ("", None) if newest is None else (str(newest.get("manager", "")), _seconds(newest))


def subresource(obj: Mapping[str, Any]) -> str:
    """Through which subresource that manager wrote (`scale`); "" for the object itself."""
    newest = _newest(obj)
    return str(newest.get("subresource", "")) if newest is not None else ""


def changed_at(obj: Mapping[str, Any]) -> float | None:
    """When that manager wrote, in unix seconds; None if unknown."""
    newest = _newest(obj)
    return _seconds(newest) if newest is not None else None


def only_newest_at(obj: Mapping[str, Any]) -> float | None:
    """The same time, where one entry alone has it; None when two wrote in one second."""
    times = [at for at in map(_seconds, entries(obj)) if at is not None]
    newest = max(times, default=None)
    return newest if times.count(newest or 0.0) == 1 else None


def created_at(obj: Mapping[str, Any]) -> float | None:
    """When the object was created, in unix seconds; None if unknown."""
    metadata = obj.get("metadata")
    return _seconds({"time": metadata.get("creationTimestamp")}) if isinstance(metadata, dict) else None


def deletion_asked_at(obj: Mapping[str, Any]) -> float | None:
    """When the deletion was asked for: `deletionTimestamp` is when the grace that it allows ends."""
    metadata = obj.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    ends = _seconds({"time": metadata.get("deletionTimestamp")})
    grace = metadata.get("deletionGracePeriodSeconds")
    return None if ends is None else ends - (grace if isinstance(grace, int) else 0)


def stamps(obj: Mapping[str, Any]) -> dict[int, Stamp]:
    """The stamps of writes of content, each with a mark: equal in this process for equal ones."""
    every = (_stamp(each) for each in entries(obj))
    return {hash(msgspec.structs.astuple(each)): each for each in every if each.manager not in BUCKETS}


def touched(obj: Mapping[str, Any], owned: frozenset[tuple[bool, int]]) -> frozenset[int]:
    """The marks of those stamps whose entries are not among what was owned before."""
    changed = (each for each in entries(obj) if (each.get("operation") == APPLY, _mark(each)) not in owned)
    return frozenset(hash(msgspec.structs.astuple(_stamp(each))) for each in changed)


def owned_marks(obj: Mapping[str, Any]) -> frozenset[tuple[bool, int]]:
    """(whether it was a server-side apply, a mark) of each entry, with the fields that it owns."""
    return frozenset((each.get("operation") == APPLY, _mark(each)) for each in entries(obj))


def _stamp(entry: dict[str, Any]) -> Stamp:
    return Stamp(
        bounded(str(entry.get("manager", ""))),
        entry.get("operation") == APPLY,
        bounded(str(entry.get("subresource", ""))),
        _seconds(entry) or 0.0,
    )


def _all(obj: Mapping[str, Any]) -> list[dict[str, Any]]:
    metadata = obj.get("metadata")
    managed = metadata.get("managedFields") if isinstance(metadata, dict) else None
    return [each for each in managed if isinstance(each, dict)] if isinstance(managed, list) else []


def _mark(entry: dict[str, Any]) -> int:
    try:
        return hash(msgspec.json.encode(entry, order="deterministic"))
    except (TypeError, ValueError, OverflowError, RecursionError):
        return 0


def _newest(obj: Mapping[str, Any]) -> dict[str, Any] | None:
    """Of entries of one second the last: the server lists them in order of time."""
    newest, newest_at = None, float("-inf")
    for entry in entries(obj):
        at = _seconds(entry)
        if at is None:
            at = float("-inf")
        if at >= newest_at:
            newest, newest_at = entry, at
    return newest


def _seconds(entry: dict[str, Any]) -> float | None:
    time = entry.get("time")
    return _parsed(time) if isinstance(time, str) and len(time) <= TIME_CHARACTERS else None


@lru_cache(maxsize=1024)
def _parsed(time: str) -> float | None:
    try:
        return datetime.fromisoformat(time).timestamp()
    except (ValueError, OverflowError):
        return None
