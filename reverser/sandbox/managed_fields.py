"""`metadata.managedFields`: which manager set which field, when, and how.

A field is a path of keys: `f:replicas` of a map, `k:{"name":"web"}` of a list whose items have names. A
writer takes over the fields whose values it changed. An applier owns all that it applied; what it no longer
applies, and nobody else owns, goes away.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any

import msgspec

from reverser.manifest.diff import same
from reverser.sandbox.patch import MERGE_KEY, named
from reverser.sandbox.store import Object
from reverser.sandbox.users import ADMIN, User

SERVER_FIELDS = (
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
)
"""Metadata that no writer owns."""

Path = tuple[str, ...]


class Requester(msgspec.Struct, frozen=True):
    """Whose hand a write is."""

    manager: str
    operation: str = "Update"
    """Update, or Apply for server-side apply."""
    subresource: str = ""
    user: User = ADMIN
    options: Mapping[str, Any] = {}
    """What the request says besides, as its CreateOptions, UpdateOptions or DeleteOptions."""


def credit(before: Object, after: Object, requester: Requester, now: str) -> Object:
    """`after`, noting that `requester` made it from `before` at `now`."""
    changed = _changed(before, after)
    return _credited(before, after, requester, now, changed, changed | _owned(before, requester))


def apply(before: Object, merged: Object, applied: Object, requester: Requester, now: str) -> Object:
    """`merged` without what the applier no longer applies, and credited to it."""
    mine, after = _fields(applied).keys(), merged
    others = {
        path for entry in _entries(before) if not _is(entry, requester) for path in _paths(entry["fieldsV1"])
    }
    for path in _owned(before, requester) - mine - others:
        after = _without(after, path)
    return _credited(before, after, requester, now, _changed(before, applied), mine)


def _credited(
    before: Object, after: Object, requester: Requester, now: str, changed: Set[Path], mine: Set[Path]
) -> Object:
    present = _fields(after).keys()
    rows = [(entry, (_paths(entry["fieldsV1"]) - changed) & present) for entry in _entries(before)]
    entries = [
        {**entry, "fieldsV1": _tree(owned)} for entry, owned in rows if owned and not _is(entry, requester)
    ]
    if owned := mine & present:
        entry = {
            "manager": requester.manager,
            "operation": requester.operation,
            "apiVersion": after["apiVersion"],
            "time": now,
            "fieldsType": "FieldsV1",
            "fieldsV1": _tree(owned),
        }
        entries.append(entry | ({"subresource": requester.subresource} if requester.subresource else {}))
    return {**after, "metadata": {**after["metadata"], "managedFields": entries}}


def _entries(content: Object) -> list[Object]:
    return content.get("metadata", {}).get("managedFields") or []


def _is(entry: Object, requester: Requester) -> bool:
    identity = (entry["manager"], entry["operation"], entry.get("subresource", ""))
    return identity == (requester.manager, requester.operation, requester.subresource)


def _owned(content: Object, requester: Requester) -> set[Path]:
    entries = (entry for entry in _entries(content) if _is(entry, requester))
    return {path for entry in entries for path in _paths(entry["fieldsV1"])}


def _changed(before: Object, after: Object) -> set[Path]:
    old = _fields(before)
    return {path for path, value in _fields(after).items() if path not in old or not same(old[path], value)}


def _fields(content: Object) -> dict[Path, Any]:
    """Path -> value of every field that somebody can own."""
    metadata = {key: value for key, value in content.get("metadata", {}).items() if key not in SERVER_FIELDS}
    rest = {key: value for key, value in content.items() if key not in ("kind", "apiVersion", "metadata")}
    return dict(_leaves({"metadata": metadata, **rest} if metadata else rest, ()))


def _leaves(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    children = _children(value)
    if not children and path:
        yield path, value
    for key, child in children.items():
        yield from _leaves(child, (*path, key))


def _children(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return {f"f:{key}": child for key, child in value.items()}
    return {_item_key(item): item for item in value} if value and named(value) else {}


def _item_key(item: Object) -> str:
    return "k:" + json.dumps({MERGE_KEY: item[MERGE_KEY]}, separators=(",", ":"))


def _without(content: Any, path: Path) -> Any:
    """`content` without one field, and without what is empty then."""
    key, rest = path[0], path[1:]
    if isinstance(content, list):
        items = [item for item in content if rest or _item_key(item) != key]
        items = [_without(item, rest) if _item_key(item) == key else item for item in items]
        return [item for item in items if item]
    name = key.removeprefix("f:")
    result = {each: value for each, value in content.items() if each != name}
    if rest and name in content and (inner := _without(content[name], rest)):
        result[name] = inner
    return result


def _tree(paths: Iterable[Path]) -> Object:
    """FieldsV1: a key for each step, empty at a field."""
    tree: Object = {}
    for path in sorted(paths):
        node = tree
        for step in path:
            node = node.setdefault(step, {})
    return tree


def _paths(tree: Object, path: Path = ()) -> set[Path]:
    """The fields of a tree."""
    if not tree:
        return {path}
    return {each for step, below in tree.items() for each in _paths(below, (*path, step))}
