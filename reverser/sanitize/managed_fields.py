"""managedFields, read for who wrote last and when, and for who set a field.

The newest entry is often the controller's status entry, so entries of the subresource `status` do
not count. An entry may lack `time`, and a list may be missing or wiped: nothing here ever raises,
and what cannot be told is "" or None.

Who set a field: managedFields say it, and where they are silent, the last-applied annotation. A static
default belongs to whoever created the object, so ownership cannot tell set from defaulted; but *allocated*
fields (an address, a node port) are nobody's unless a person's tool set them. Entries of another API version
describe other fields and are ignored (but metadata is the same in every version), `before-first-apply` is
nobody, and controllers are not people. An object without entries tells nothing: then what is in doubt is
kept.

Paths go through fields by name and through list items by their merge keys, as in
`("spec", "ports", {"port": 80, "protocol": "TCP"}, "nodePort")`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any

import msgspec

from reverser.model.attribution import bounded
from reverser.model.observed_write import Stamp
from reverser.sanitize.json_content import Content
from reverser.sanitize.object_copies import LAST_APPLIED

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


Step = str | dict[str, Any]

CONTROLLERS = frozenset(
    {
        "kube-controller-manager",
        "kube-apiserver",
        "kube-scheduler",
        "kubelet",
        "clusterrole-aggregation-controller",
        "cert-manager-cainjector",
        "before-first-apply",
    }
)
_DEFAULTS = {"protocol": "TCP"}
"""Merge keys that a person may leave out."""


class Ownership:
    """Answers who owns the fields of one object; reads only what is asked for."""

    def __init__(self, obj: Content, api_version: str) -> None:
        self._obj = obj
        self._api_version = api_version

    @cached_property
    def _trees(self) -> Trees:
        own = (each for each in entries(self._obj) if each.get("apiVersion") == self._api_version)
        return Trees([(str(each.get("manager", "")), each.get("fieldsV1")) for each in own])

    @cached_property
    def _trees_of_all_versions(self) -> Trees:
        return Trees([(str(each.get("manager", "")), each.get("fieldsV1")) for each in entries(self._obj)])

    @cached_property
    def _applied(self) -> Any:
        annotations = self._obj.get("metadata", {}).get("annotations") or {}
        try:
            return json.loads(annotations.get(LAST_APPLIED, "null"))
        except ValueError:
            return None

    @property
    def known(self) -> bool:
        """Whether managedFields tells anything about this version's fields."""
        return bool(self._trees.rows)

    def owned(self, *path: Step, in_doubt: bool = True) -> bool:
        """Whether a person's tool set the field; `in_doubt` when nobody can tell."""
        if any(self.owners(*path)) or _exists(self._applied, path):
            return True
        return in_doubt and not self.known

    def owners(self, *path: Step, whole: bool = True) -> Iterator[str]:
        """The managers that own the field, without controllers.

        `whole`: also those that own a map or list above it as a whole, or had it when it was empty.
        """
        keys = [_key(step) for step in path]
        level = None if whole else self._trees.at(keys)
        owners = self._trees.owners(keys) if whole else (name for name, _ in (level.rows if level else ()))
        return (name for name in owners if name not in CONTROLLERS)

    def names(self, *path: str) -> bool:
        """Whether the field has an entry of its own, whoever's: no map above it is owned as a whole."""
        return self._trees.at([_key(step) for step in path]) is not None

    def owners_of_name(self, part: str, name: str) -> Iterator[str]:
        """The same of one annotation, label or finalizer, in whatever version it was written."""
        last = f"v:{json.dumps(name)}" if part == "finalizers" else f"f:{name}"
        keys = ["f:metadata", f"f:{part}", last]
        return (name for name in self._trees_of_all_versions.owners(keys) if name not in CONTROLLERS)

    def owns_finalizer(self, finalizer: str) -> bool:
        """Whether a person's tool put it there, or nobody can tell."""
        trees = self._trees_of_all_versions
        keys = ["f:metadata", "f:finalizers", f"v:{json.dumps(finalizer)}"]
        return not trees.rows or any(name not in CONTROLLERS for name in trees.owners(keys))


class Trees:
    """The trees of all managers side by side.

    A level is read once, however often it is asked about: an object may have thousands of managers, and
    thousands of fields that are asked for.
    """

    def __init__(self, rows: list[tuple[str, Any]]) -> None:
        self.rows = rows
        """Each manager, and its tree."""

    @cached_property
    def _fields(self) -> dict[str, Trees]:
        fields: dict[str, Trees] = {}
        for name, tree in self.rows:
            for key, below in tree.items() if isinstance(tree, dict) else ():
                fields.setdefault(key, Trees([])).rows.append((name, below))
        return fields

    @cached_property
    def _whole(self) -> list[str]:
        return [name for name, tree in self.rows if not tree]

    def at(self, keys: list[str]) -> Trees | None:
        """What is below a field that has an entry of its own; None: it has none."""
        level: Trees | None = self
        for key in keys:
            level = level._fields.get(key) if level is not None else None
        return level

    def owners(self, keys: list[str]) -> Iterator[str]:
        """Who owns the field at the end of the path.

        An empty tree above that is an atomic value, owned as a whole.
        """
        level = self
        for key in keys[:-1]:
            if key not in level._fields:
                return
            level = level._fields[key]
            yield from level._whole
        last = level._fields.get(keys[-1])
        yield from (name for name, _ in last.rows) if last is not None else ()


def managers_of(obj: Mapping[str, Any], api_version: str) -> Ownership:
    """Who owns which field, from an object of which nothing else can be read through it."""
    metadata = obj.get("metadata")
    managed = metadata.get("managedFields") if isinstance(metadata, dict) else None
    return Ownership({"metadata": {"managedFields": managed}}, str(obj.get("apiVersion", api_version)))


def _key(step: Step) -> str:
    if isinstance(step, str):
        return f"f:{step}"
    return f"k:{json.dumps(step, sort_keys=True, separators=(',', ':'))}"


def _exists(value: Any, path: tuple[Step, ...]) -> bool:
    for step in path:
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, dict) else None
        else:
            items = value if isinstance(value, list) else []
            value = next((item for item in items if isinstance(item, dict) and _has_keys(item, step)), None)
    return value is not None


def _has_keys(item: Content, keys: dict[str, Any]) -> bool:
    return all(item.get(key, _DEFAULTS.get(key)) == value for key, value in keys.items())
