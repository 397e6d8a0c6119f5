"""Structs to rows and back. Record contents are compressed: ten thousand of them are kept."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any, TypeAlias

import msgspec

from reverser.model.entry import Entry, Record
from reverser.model.resource import ObjectKey
from reverser.model.withheld import Withheld

Row: TypeAlias = tuple[Any, ...]

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Entry).decode


def place(destination: str, key: ObjectKey) -> Row:
    """The primary key of records and withheld objects."""
    return (destination, key.cluster, key.group, key.resource, key.namespace, key.name)


def entry_row(entry: Entry, now: float) -> Row:
    return (entry.destination, now, _encode(entry))


def entry_of(row: Row) -> Entry:
    """From (seq, appended_at, body)."""
    seq, appended_at, body = row
    return msgspec.structs.replace(_decode(body), seq=seq, appended_at=appended_at)


def record_row(record: Record) -> Row:
    content = zlib.compress(record.content, 1)
    return (*place(record.destination, record.key), record.path, record.digest, content)


def record_of(row: Row) -> Record:
    """From a whole row of `records`; an empty content stays empty."""
    destination, *key, path, digest, content = row
    return Record(destination, ObjectKey(*key), path, digest, zlib.decompress(content) if content else b"")


def withheld_row(row: Withheld) -> Row:
    return (*place(row.destination, row.key), row.reason, row.message, row.at)


def withheld_of(row: Row) -> Withheld:
    destination, *key, reason, message, at = row
    return Withheld(destination, ObjectKey(*key), reason, message, at)


def places(rows: Iterable[tuple[str, ObjectKey]]) -> list[Row]:
    return [place(destination, key) for destination, key in rows]
