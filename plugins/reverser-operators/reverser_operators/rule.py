"""What a row of the tables can say, which rows concern an object, and what they take away. Pure.

A row takes away what no field manager but the operator's owns, and an object is the operator's when its mark
is. What nobody owns was set by an API server or a webhook of the operator's while the object was admitted.
Whose something is the object's managedFields tell. An object without any tells nothing: all of it stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from reverser.model.owners import Owners
from reverser.sanitize.field_path import parse_path, without


class Strip(msgspec.Struct, frozen=True):
    """What an operator writes into objects that somebody else declared."""

    source: str | tuple[str, ...]
    """Where the operator's own source or documentation says that it writes it: a URL, or several."""
    why: str
    """What it is, in a few words."""
    resources: tuple[str, ...] = ("*",)
    """Globs over `services`, `routes.route.openshift.io`."""
    when: str = ""
    """`name` or `name=value` of an annotation, a label or a finalizer that the object must have."""
    annotations: tuple[str, ...] = ()
    """Names; one that ends in `*` is a beginning."""
    labels: tuple[str, ...] = ()
    finalizers: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    """Paths, as in `[[sanitize]] strip`."""
    only: str = ""
    """A glob that the value of a field must match; `{name}` and `{namespace}` are the object's."""
    atomic: bool = False
    """Takes a part out of a map or list that server-side apply replaces as a whole, so that applying the
    file changes the live object until the operator repairs it, and nobody can tell whose the part is. Only
    done when the user asks for it."""
    managers: tuple[str, ...] = ()
    """Globs over the field managers that are the operator itself; the table's."""


class Generated(msgspec.Struct, frozen=True):
    """Objects that an operator makes, without a controller in their owner references."""

    source: str | tuple[str, ...]
    reason: str
    """Why there is no file."""
    resources: tuple[str, ...]
    when: str
    """As `Strip.when`."""
    managers: tuple[str, ...] = ()
    """As `Strip.managers`: a mark that somebody else set does not make the object the operator's."""


def concerns(row: Strip | Generated, type_name: str, metadata: Mapping[str, Any]) -> bool:
    """Whether the row is about objects like this one."""
    if not any(fnmatchcase(type_name, glob) for glob in row.resources):
        return False
    return not row.when or _has(row.when, metadata)


def generated_by_operator(row: Generated, metadata: Mapping[str, Any], owners: Owners) -> bool:
    """Whether the mark of an object that the row concerns is the operator's, and nobody else's."""
    name = row.when.partition("=")[0]
    parts = [part for part in ("annotations", "labels", "finalizers") if name in (metadata.get(part) or ())]
    return owners.known and all(_only(row, owners.owners_of_name(part, name)) for part in parts)


def stripped(content: dict[str, Any], rows: Sequence[Strip], owners: Owners) -> dict[str, Any]:
    """The content without what the rows name and only operators own; nothing is changed in place."""
    if not owners.known:
        return content
    paths = [path for row in rows for path in _paths(row, content, owners)]
    rest: dict[str, Any] = without(content, paths)
    metadata = dict(rest["metadata"])
    for part in ("annotations", "labels", "finalizers"):
        if part in metadata:
            taken = {name for name in metadata[part] if any(_takes(row, part, name, owners) for row in rows)}
            names = [name for name in metadata[part] if name not in taken]
            _set_part(
                metadata,
                part,
                names if part == "finalizers" else {name: metadata[part][name] for name in names},
            )
    return {**rest, "metadata": metadata}


def _paths(row: Strip, content: Mapping[str, Any], owners: Owners) -> Iterator[tuple[str, ...]]:
    """Whose a part of an atomic map or list is, nobody can tell: such rows are only there if asked for."""
    for path in map(parse_path, row.fields):
        if row.atomic or (_only(row, owners.owners(*path, whole=False)) and _fits(row, path, content)):
            yield path


def _takes(row: Strip, part: str, name: str, owners: Owners) -> bool:
    names: tuple[str, ...] = getattr(row, part)
    return _among(name, names) and _only(row, owners.owners_of_name(part, name))


def _only(row: Strip | Generated, managers: Iterable[str]) -> bool:
    """Whether none of the managers is somebody else than the operator."""
    return all(any(fnmatchcase(manager, glob) for glob in row.managers) for manager in managers)


def _fits(row: Strip, path: tuple[str, ...], content: Mapping[str, Any]) -> bool:
    if not row.only:
        return True
    value: Any = content
    for step in path:
        value = value.get(step) if isinstance(value, dict) else None
    metadata = content["metadata"]
    glob = row.only.format(name=metadata["name"], namespace=metadata.get("namespace", ""))
    return isinstance(value, str) and fnmatchcase(value, glob)


def _set_part(metadata: dict[str, Any], part: str, rest: Any) -> None:
    """What is left; an emptied map or list goes, one that was empty before stays."""
    if rest or not metadata[part]:
        metadata[part] = rest
    else:
        del metadata[part]


def _has(when: str, metadata: Mapping[str, Any]) -> bool:
    name, equals, value = when.partition("=")
    if not equals and name in (metadata.get("finalizers") or ()):
        return True
    return any(each == value or not equals for each in _values(name, metadata))


def _values(name: str, metadata: Mapping[str, Any]) -> Iterator[Any]:
    for part in ("annotations", "labels"):
        named = metadata.get(part) or {}
        if name in named:
            yield named[name]


def _among(name: str, names: Iterable[str]) -> bool:
    return any(name.startswith(each[:-1]) if each.endswith("*") else name == each for each in names)
