"""The list of managers in `metadata.managedFields`: who wrote, how, when, and what is theirs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from reverser.sandbox.ownership import Tree, fields, minus, present, union, without
from reverser.sandbox.users import ADMIN, User

Entry = dict[str, Any]


class Writer(msgspec.Struct, frozen=True):
    """Whose hand a write is."""

    manager: str
    operation: str = "Update"
    """Update, or Apply for server-side apply."""
    subresource: str = ""
    user: User = ADMIN
    options: Mapping[str, Any] = {}
    """What the request says besides, as its CreateOptions, UpdateOptions or DeleteOptions."""


def credit(
    before: dict[str, Any], after: dict[str, Any], writer: Writer, version: str, now: str
) -> dict[str, Any]:
    """`after`, noting that `writer` made it from `before` at `now`."""
    taken = fields(after, before)
    _record(after, _entries(before), taken, taken, writer, version, now)
    return after


def apply(
    before: dict[str, Any],
    merged: dict[str, Any],
    applied: dict[str, Any],
    writer: Writer,
    version: str,
    now: str,
) -> dict[str, Any]:
    """`merged` without what the applier no longer applies, and credited to it."""
    entries = _entries(before)
    mine: Tree = fields(applied, {})
    others = [entry["fieldsV1"] for entry in entries if not _is(entry, writer)]
    dropped = next((minus(entry["fieldsV1"], mine) for entry in entries if _is(entry, writer)), {})
    for tree in others:
        dropped = minus(dropped, tree)
    result: dict[str, Any] = without(merged, dropped)
    entries_of_others = [entry for entry in entries if not _is(entry, writer)]
    _record(result, entries_of_others, fields(result, before), mine, writer, version, now)
    return result


def _record(
    content: dict[str, Any],
    entries: list[Entry],
    taken: Tree,
    mine: Tree,
    writer: Writer,
    version: str,
    now: str,
) -> None:
    result: list[Entry] = []
    for entry in entries:
        if _is(entry, writer):
            mine = union(entry["fieldsV1"], mine)
        elif rest := present(minus(entry["fieldsV1"], taken), content):
            result.append({**entry, "fieldsV1": rest})
    if owned := present(mine, content):
        result.append(_entry(writer, version, now, owned))
    content["metadata"]["managedFields"] = result


def _entries(content: dict[str, Any]) -> list[Entry]:
    return content.get("metadata", {}).get("managedFields") or []


def _is(entry: Entry, writer: Writer) -> bool:
    return (entry["manager"], entry["operation"], entry.get("subresource", "")) == (
        writer.manager,
        writer.operation,
        writer.subresource,
    )


def _entry(writer: Writer, version: str, now: str, owned: Tree) -> Entry:
    entry = {
        "manager": writer.manager,
        "operation": writer.operation,
        "apiVersion": version,
        "time": now,
        "fieldsType": "FieldsV1",
        "fieldsV1": owned,
    }
    return {**entry, "subresource": writer.subresource} if writer.subresource else entry
