"""Fields that came along: others wrote them before, and they reach Git with somebody else's commit. Pure.

Some writes are no reason for a commit (an autoscaler's replicas, insignificant paths) and stay out of Git
until the object's next commit, whose author did not make them. The author's own change is the difference to
the object right before it; every other difference came along. Where a version in between was not seen, every
field may have.

    spec.paused: + true                        the author's
    spec.replicas: 1 -> 9 (came along)         somebody else's

The trailer `Kubernetes-Came-Along` names the path for machines, with all below it; `*` stands for every
field.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import msgspec

from reverser.manifest.diff import ABSENT, PATH_CHARACTERS, Difference, differences, line, lines
from reverser.model.change import Operation, Origin
from reverser.model.commit import CommitPlan
from reverser.model.entry import ANY, UNSEEN, Along, Entry, Record
from reverser.model.resource import ObjectKey
from reverser.select.rules import excluded
from reverser.text import child

TRAILER = "Kubernetes-Came-Along"
FIELDS_MOST = 50
"""Paths of one change; where there are more, `*` stands for all."""
TRAILERS_MOST = 100
"""Of one commit; where there are more, one an object, or one for all."""
BODY_LINES = 10
CAME, MAY_HAVE = "came along", "may have come along"
EARLIER = "what others had written to the object before came along"

_TRAILER = re.compile(r"([^;]+); object=(.+)")


class FieldChanges(msgspec.Struct, frozen=True):
    """What a change did to the fields of an object."""

    changes: tuple[str, ...] = ()
    """As `Entry.changes`."""
    fields: tuple[str, ...] = ()
    """As `Entry.fields`."""
    along: tuple[Along, ...] = ()
    """As `Entry.along`."""


def field_changes(record: Record | None, new: dict[str, Any], *, created: bool, secret: bool) -> FieldChanges:
    """What a live change did, and what came along; `created`: the object was not there before."""
    if record is None or record.mark or not record.digest:
        return FieldChanges(fields=(ANY,)) if created else FieldChanges(along=(Along(ANY, EARLIER),))
    old = msgspec.json.decode(record.content)
    if record.latest == UNSEEN:
        return FieldChanges(along=tuple(_along(_by_field(differences(old, new)), MAY_HAVE, secret=secret)))
    if not record.latest:
        return _own_changes(differences(old, new), secret=secret)
    latest = msgspec.json.decode(record.latest)
    own = [*differences(latest, new)]
    written = frozenset(path for path, _, _ in own if len(path) <= PATH_CHARACTERS)
    came = [each for each in _by_field(differences(old, latest)) if not _at_or_below(each[0], written)]
    along = tuple(_along(came, CAME, secret=secret))
    return msgspec.structs.replace(_own_changes(iter(own), secret=secret), along=along)


def _own_changes(rest: Iterator[Difference], *, secret: bool) -> FieldChanges:
    """What an author changed, without keeping more of it than is shown: there may be very much."""
    first = list(itertools.islice(rest, FIELDS_MOST + 1))
    number = len(first) + sum(1 for _ in rest)
    paths = (path for path, _, _ in itertools.islice(_by_field(first), FIELDS_MOST + 1))
    fields = tuple(dict.fromkeys(paths))
    return FieldChanges(lines(first, number, secret=secret), fields if len(fields) <= FIELDS_MOST else (ANY,))


def latest(content: dict[str, Any], *, same: bool) -> bytes:
    """What `Record.latest` is once this content was seen and made no commit; `same`: as recorded."""
    return b"" if same else msgspec.json.encode(content)


def unseen(record: Record | None) -> Record | None:
    """The record, once a version of its object was not looked at; None: it says so already."""
    if record is None or record.latest == UNSEEN:
        return None
    return msgspec.structs.replace(record, latest=UNSEEN)


def known_content(record: Record) -> Any:
    """The object as it was seen last; None when that is not known."""
    return msgspec.json.decode(record.latest or record.content)


def with_all_along(entry: Entry) -> Entry:
    """The entry, of whose object an earlier one did not reach Git."""
    if entry.origin is not Origin.LIVE or entry.edit.content is None:
        return entry
    return msgspec.structs.replace(entry, along=(*entry.along, Along(ANY, EARLIER)))


def along_lines(entry: Entry) -> list[str]:
    """What a body says of what came along."""
    every = [each.line for each in entry.along if each.line]
    if len(every) <= BODY_LINES:
        return every
    return [*every[: BODY_LINES - 1], f"… and others ({CAME})"]


def came_along_trailers(plan: CommitPlan) -> list[str]:
    """The trailer's values: paths at which a commit has what its author did not write."""
    by_object = {key: _not_by_author(entries) for key, entries in _by_object(plan.entries).items()}
    by_object = {key: paths for key, paths in by_object.items() if paths}
    if sum(map(len, by_object.values())) > TRAILERS_MOST:
        by_object = dict.fromkeys(by_object, (ANY,))
    if len(by_object) > TRAILERS_MOST:
        return [ANY]
    return [_value(path, key) for key, paths in by_object.items() for path in paths]


def parse_came_along(value: str) -> tuple[str, str] | None:
    """(path, object) of a trailer's value, each may be `*`; None when it is not one of ours."""
    if value == ANY:
        return ANY, ANY
    match = _TRAILER.fullmatch(value)
    return None if match is None else (match[1], match[2])


def _value(path: str, key: ObjectKey) -> str:
    spelt = path.replace(";", "\\u003b")
    return f"{spelt}; object={key}"


def _by_object(entries: Iterable[Entry]) -> dict[ObjectKey, list[Entry]]:
    by_object: dict[ObjectKey, list[Entry]] = {}
    for entry in entries:
        by_object.setdefault(entry.key, []).append(entry)
    return by_object


def _not_by_author(entries: Iterable[Entry]) -> tuple[str, ...]:
    """Of one object: what came along, or excluded entries wrote, and nobody of the commit wrote later."""
    paths: dict[str, None] = {}
    for entry in entries:
        own = not excluded(entry)
        if entry.edit.content is None or (own and entry.operation is Operation.CREATE and not entry.along):
            paths.clear()
        paths |= {each.path: None for each in entry.along}
        if not own:
            # Entries of earlier releases have lines alone.
            paths |= dict.fromkeys(entry.fields or ((ANY,) if entry.changes else ()))
        for path in entry.fields if own else ():
            if path != ANY:
                paths.pop(path, None)
    return (ANY,) if ANY in paths else tuple(paths)


def _along(fields: Iterable[Difference], how: str, *, secret: bool) -> Iterator[Along]:
    every = [*fields]
    for each in every[:FIELDS_MOST]:
        yield Along(each[0], f"{line(each, secret=secret)} ({how})")
    if len(every) > FIELDS_MOST:
        yield Along(ANY, f"… and others ({how})")


def _by_field(changed: Iterable[Difference]) -> Iterator[Difference]:
    """Maps that came or went whole, field by field: another may have written another field of the same."""
    for path, old, new in changed:
        whole = old[1] if new[1] is ABSENT else new[1]
        other = new[1] if new[1] is ABSENT else old[1]
        if other is ABSENT and isinstance(whole, dict) and whole and len(path) <= PATH_CHARACTERS:
            yield from _fields(path, old, new, whole)
        else:
            yield path, old, new


def _fields(path: str, old: Any, new: Any, whole: dict[str, Any]) -> Iterator[Difference]:
    for key in sorted(whole):
        sides = [(key, ABSENT) if side[1] is ABSENT else (key, side[1][key]) for side in (old, new)]
        yield from _by_field([(child(path, key), sides[0], sides[1])])


def _at_or_below(path: str, written: Collection[str]) -> bool:
    """Whether the author's change wrote all that is at a path, or above it."""
    ends = (end for end, character in enumerate(path) if character in ".[")
    return path in written or any(path[:end] in written for end in ends)
