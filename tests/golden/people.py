"""Files as people write them, and the edits that each of them must bear.

Six kinds of edit are made at every place of a file where they can be made: a value is changed, a key comes
or goes, an item of a list comes or goes, a map with a map in it comes. Each is told as what the document is
to say afterwards, and which lines of the file may differ for it.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from reverser.manifest.nodes import Node, compose
from reverser.manifest.scanner import documents

FILES = sorted((Path(__file__).parent / "people").glob("*.yaml"))
FIXED = [
    ("apiVersion",),
    ("kind",),
    *(("metadata", key) for key in ("name", "namespace", "creationTimestamp")),
]
"""What the API server asks of an object."""
TEXTS = [("metadata", "labels"), ("metadata", "annotations")]
KINDS = ("value", "key added", "key removed", "item added", "item removed", "map added")


class Edit(msgspec.Struct):
    """One edit of one document."""

    kind: str
    wanted: dict[str, Any]
    lines: range
    """Lines of the document that may go or change."""


def target(path: Path) -> tuple[list[str], int]:
    """The documents of a file, and the number of the one that is edited: the first that has a kind."""
    parts = documents(path.read_bytes().decode().removeprefix("\ufeff"))
    return parts, next(index for index, part in enumerate(parts) if "kind" in part and "apiVersion" in part)


def edits(text: str) -> Iterator[Edit]:
    """Every edit of a document."""
    root = compose(text)
    assert root is not None
    for path, node, alone in _places(root, (), root.start, root.start):
        lines = _lines(text, alone, node.end)
        for kind, change in _changes(node, path):
            wanted = copy.deepcopy(root.data)
            change(wanted)
            yield Edit(kind, wanted, lines)


def _places(
    node: Node, path: tuple[str | int, ...], entry: int, first: int
) -> Iterator[tuple[Any, Node, int]]:
    """(path, node, where its entry begins: if it is alone there, that of the map or list around it)."""
    if path in FIXED:
        return
    yield path, node, first
    for key, value in node.pairs:
        name = key_name(key)
        if node.fixed != "merge key":
            yield from _places(value, (*path, name), key.start, entry if len(node.pairs) == 1 else key.start)
    if node.kind == "list":
        for index, item in enumerate(node.items):
            alone = entry if len(node.items) == 1 else item.start
            yield from _places(item, (*path, index), item.start, alone)


def key_name(key: Node) -> str:
    """A key as JSON has it."""
    return key.data if isinstance(key.data, str) else str(key.data).lower()


def _changes(node: Node, path: tuple[str | int, ...]) -> Iterator[tuple[str, Any]]:
    def put(value: Any) -> Any:
        return lambda wanted: _at(wanted, path[:-1]).__setitem__(path[-1], value)

    def inside(change: Any) -> Any:
        return lambda wanted: change(_at(wanted, path))

    if node.kind == "scalar" and path:
        if isinstance(node.data, str):
            yield "value", put(f"{node.data}new")
        elif isinstance(node.data, bool):
            yield "value", put(not node.data)
        elif isinstance(node.data, int | float):
            yield "value", put(node.data + 7)
    if len(path) > 1 and isinstance(path[-1], str):
        yield "key removed", lambda wanted: _at(wanted, path[:-1]).__delitem__(path[-1])
    if len(path) > 1 and isinstance(path[-1], int):
        yield "item removed", lambda wanted: _at(wanted, path[:-1]).__delitem__(path[-1])
    if node.kind == "map" and path:
        yield "key added", inside(lambda found: found.__setitem__("added", "on"))
    if node.kind == "map" and path and path not in TEXTS:
        yield "map added", inside(lambda found: found.__setitem__("more", {"a": {"b": ["x", {"c": 1}]}}))
    if node.kind == "list":
        yield "item added", inside(lambda found: found.append({"name": "added"} if _maps(found) else "added"))


def _maps(items: list[Any]) -> bool:
    return bool(items) and all(isinstance(item, dict) for item in items)


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    for step in path:
        value = value[step]
    return value


def _lines(text: str, start: int, end: int) -> range:
    return range(text.count("\n", 0, start), text.count("\n", 0, max(end, start)) + 1)
