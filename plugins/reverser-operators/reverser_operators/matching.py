"""Which rows concern an object, and what they take away. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from reverser.stages.sanitize import parse_path
from reverser.stages.sanitize.fieldpath import without
from reverser_operators.rule import Made, Strip


def concerns(row: Strip | Made, type_name: str, metadata: Mapping[str, Any]) -> bool:
    """Whether the row is about objects like this one."""
    if not any(fnmatchcase(type_name, glob) for glob in row.resources):
        return False
    return not row.when or _has(row.when, metadata)


def stripped(content: dict[str, Any], rows: Sequence[Strip]) -> dict[str, Any]:
    """The content without what the rows name; nothing is changed in place."""
    made: dict[str, Any] = without(content, [parse_path(field) for row in rows for field in row.fields])
    metadata = dict(made["metadata"])
    for part, names in (
        ("annotations", [name for row in rows for name in row.annotations]),
        ("labels", [name for row in rows for name in row.labels]),
    ):
        if part in metadata:
            kept = {key: value for key, value in metadata[part].items() if not _among(key, names)}
            _put(metadata, part, kept)
    finalizers = [name for row in rows for name in row.finalizers]
    if "finalizers" in metadata:
        _put(
            metadata, "finalizers", [each for each in metadata["finalizers"] if not _among(each, finalizers)]
        )
    return {**made, "metadata": metadata}


def _put(metadata: dict[str, Any], part: str, kept: Any) -> None:
    """What is left; an emptied map or list goes, one that was empty before stays."""
    if kept or not metadata[part]:
        metadata[part] = kept
    else:
        del metadata[part]


def _has(when: str, metadata: Mapping[str, Any]) -> bool:
    name, equals, value = when.partition("=")
    if not equals and name in (metadata.get("finalizers") or ()):
        return True
    return any(found == value or not equals for found in _values(name, metadata))


def _values(name: str, metadata: Mapping[str, Any]) -> Iterator[Any]:
    for part in ("annotations", "labels"):
        named = metadata.get(part) or {}
        if name in named:
            yield named[name]


def _among(name: str, names: Iterable[str]) -> bool:
    return any(name.startswith(each[:-1]) if each.endswith("*") else name == each for each in names)
