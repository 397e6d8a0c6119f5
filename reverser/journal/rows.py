"""Structs to rows and back. What cannot be read is withheld row by row, so that the journal always starts.

A reader gets the rows that can be read. A damaged one is noted, and then deleted; a withheld object is shown
for it, of the type `entries`, `records` or `withheld` and with the row's number as its name, since its own is
not known. Nor is it known what became of the object: at the next start `recheck_destinations` has every
destination with such a row compare its branch and its objects afresh.
A record whose object and path can be read, and nothing else, stays without a digest, so that it equals no
file; its object is withheld until it was decided on again.

Record contents are compressed: ten thousand of them are kept.
"""

from __future__ import annotations

import sqlite3
import time
import zlib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeAlias, TypeVar

import msgspec

from reverser.model.attribution import Attribution
from reverser.model.condition import Withheld
from reverser.model.entry import UNSEEN, Entry, Mark, Record, Sealed
from reverser.model.fact import Fact
from reverser.model.resource import ObjectKey
from reverser.unexpected_errors import BUG, bug

Row: TypeAlias = tuple[Any, ...]
NOT_SEALED = Sealed(b"", b"")

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Entry).decode
_decode_fact = msgspec.msgpack.Decoder(Fact).decode


def key_columns(destination: str, key: ObjectKey) -> Row:
    """The primary key of records and withheld objects."""
    return (destination, key.cluster, key.group, key.resource, key.namespace, key.name)


def entry_row(entry: Entry, now: float) -> Row:
    return (entry.destination, now, _encode(entry), entry.waits_until > 0)


def entry_of(row: Row) -> Entry:
    """From (seq, appended_at, body)."""
    seq, appended_at, body = row
    _check_type(float, appended_at)
    return msgspec.structs.replace(_decode(body), seq=seq, appended_at=appended_at)


def attributed_body(body: bytes, attribution: Attribution) -> bytes:
    """The stored entry with its final attribution."""
    return _encode(msgspec.structs.replace(_decode(body), attribution=attribution, waits_until=0.0))


def fact_row(fact: Fact, now: float) -> Row:
    return (fact.cluster, fact.identity, now, _encode(fact))


def identity(body: bytes, former: str) -> str:
    """The identity of a stored fact; of one that cannot be read, the one that it had."""
    try:
        return _decode_fact(body).identity
    except (msgspec.MsgspecError, TypeError, ValueError):
        return former


def fact_of(row: Row) -> tuple[float, Fact]:
    """From (arrived_at, body)."""
    arrived_at, body = row
    _check_type(float, arrived_at)
    return arrived_at, _decode_fact(body)


def record_row(record: Record) -> Row:
    content = zlib.compress(record.content, 1)
    sealed = record.sealed or NOT_SEALED
    where = key_columns(record.destination, record.key)
    selectors = msgspec.json.encode(record.selectors).decode() if record.selectors else ""
    file = (record.path, record.digest, content, sealed.fingerprint, sealed.content)
    latest = zlib.compress(record.latest, 1) if record.latest else b""
    return (*where, *file, record.mark, selectors, latest)


def record_of(row: Row) -> Record:
    """From a whole row of `records`; a content that was not read (None) stays empty."""
    destination, *key, path, digest, content, fingerprint, file, mark, selectors, latest = row
    _check_type(bytes, digest, fingerprint, file, latest)
    plain = b"{}" if content is None else zlib.decompress(content)
    seen = zlib.decompress(latest) if latest else b""
    if not (_is_document(plain) and (seen in (b"", UNSEEN) or _is_document(seen))):
        raise ValueError("no document")
    sealed = Sealed(fingerprint, file) if fingerprint else None
    matched = msgspec.json.decode(selectors, type=tuple[str, ...]) if selectors else ()
    stored = b"" if content is None else plain
    return Record(destination, key_of(*key), _text(path), digest, stored, sealed, _mark(mark), matched, seen)


def _is_document(content: bytes) -> bool:
    return content.startswith(b"{") and content.endswith(b"}")


def _mark(value: str) -> Mark:
    mark: Mark = msgspec.convert(value, type=Mark)
    return mark


def readable_part(row: Row) -> Record | None:
    """Object and path of a row of `records` whose content or digest cannot be read: it equals no file."""
    destination, *key, path = row[:7]
    if all(isinstance(each, str) for each in (destination, *key, path)):
        return Record(destination, ObjectKey(*key), path, b"", b"{}")
    return None


def key_of(*parts: Any) -> ObjectKey:
    """From the five columns of a key."""
    _check_type(str, *parts)
    return ObjectKey(*parts)


def _text(value: Any) -> str:
    _check_type(str, value)
    return str(value)


def _check_type(kind: type, *values: Any) -> None:
    """SQLite keeps what it is given: a column's type is a wish."""
    for value in values:
        if not isinstance(value, kind):
            raise TypeError(f"no {kind.__name__}")


def record_of_removal(body: bytes, path: str) -> Record:
    """The record of an object whose removal was given up: its file still stands at `path`."""
    entry = _decode(body)
    metadata = {"name": entry.key.name, "namespace": entry.key.namespace}
    content = {"apiVersion": entry.api_version, "kind": entry.kind, "metadata": metadata}
    stored = msgspec.json.encode(content)
    return Record(entry.destination, entry.key, path, b"", stored, mark="anew")


def renamed_body(body: bytes, destination: str) -> bytes:
    """The stored entry of a destination that is called so from now on; what cannot be read stays as it is."""
    try:
        return _encode(msgspec.structs.replace(_decode(body), destination=destination))
    except msgspec.DecodeError:
        return body


def withheld_row(row: Withheld) -> Row:
    return (*key_columns(row.destination, row.key), row.reason, row.message, row.at)


def withheld_of(row: Row) -> Withheld:
    destination, *key, reason, message, at = row
    _check_type(str, destination, reason, message)
    _check_type(float, at)
    return Withheld(destination, key_of(*key), reason, message, at)


def key_rows(keys: Iterable[tuple[str, ObjectKey]]) -> list[Row]:
    return [key_columns(destination, key) for destination, key in keys]


T = TypeVar("T")
EMPTIED = "UPDATE records SET digest=x'', content=?, fingerprint=x'', sealed=x'' WHERE rowid=?"
NUMBERS_MOST = 2**53
"""Entries above have no number of ours, and would leave none for new ones."""


class DamagedRow(NamedTuple):
    """One row that cannot be read."""

    table: str
    number: int
    """Its rowid."""
    why: str
    key: ObjectKey | None = None
    """The object of a record of which enough can be read to keep it."""


class Tables:
    """A connection, and the damaged rows that were met on it. Each topic has its statements in a subclass."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self.damaged: list[DamagedRow] = []
        """Met since the last `take_damaged`."""

    def take_damaged(self) -> list[DamagedRow]:
        """The rows that could not be read since the last call."""
        damaged = self.damaged[:]
        del self.damaged[: len(damaged)]
        return damaged

    def _decoded(self, table: str, numbered: Iterable[Row], decode: Callable[[Row], T]) -> list[T]:
        """The rows, each of which begins with its number, without those that `decode` cannot read."""
        decoded = []
        for number, *row in numbered:
            try:
                decoded.append(decode(tuple(row)))
            except Exception as error:
                self._note_damage(table, number, error)
        return decoded

    def _note_damage(self, table: str, number: int, error: Exception, key: ObjectKey | None = None) -> None:
        why = bug("journal", f"{table} {number}", error).message
        self.damaged.append(DamagedRow(table, number, why, key))

    def withhold_damaged(self, damaged: Iterable[DamagedRow]) -> None:
        """Take damaged rows out, and show them as withheld objects."""
        for row in damaged:
            statement = f"SELECT destination FROM {row.table} WHERE rowid=?"  # noqa: S608 constant
            stored = self._db.execute(statement, (row.number,)).fetchone()
            if stored is None:
                continue
            if row.key is None:
                self._db.execute(f"DELETE FROM {row.table} WHERE rowid=?", (row.number,))  # noqa: S608 constant
            else:
                self._db.execute(EMPTIED, (zlib.compress(b"{}"), row.number))
            key = row.key or ObjectKey("", "", row.table, "", str(row.number))
            shown = withheld_row(Withheld(_text_or_empty(stored[0]), key, BUG, row.why, time.time()))
            self._db.execute("INSERT OR REPLACE INTO withheld VALUES (?,?,?,?,?,?,?,?,?)", shown)

    def recheck_destinations(self) -> None:
        """Have destinations with rows that were withheld compare their branch and their objects afresh."""
        beyond = self._db.execute("SELECT seq FROM entries WHERE seq > ?", (NUMBERS_MOST,)).fetchall()
        self.withhold_damaged([DamagedRow("entries", seq, "its number is none of ours") for (seq,) in beyond])
        highest = "(SELECT coalesce(max(seq), 0) FROM entries)"
        self._db.execute(
            f"UPDATE sqlite_sequence SET seq={highest} WHERE name='entries' AND seq > ?",  # noqa: S608 constant
            (NUMBERS_MOST,),
        )
        rechecked = self._db.execute("SELECT DISTINCT destination FROM withheld WHERE cluster=''").fetchall()
        for (name,) in rechecked:
            self._db.execute("DELETE FROM settings WHERE name=?", (f"head/{name}",))
            self._db.execute("UPDATE records SET digest=x'' WHERE destination=?", (name,))
            self._db.execute("DELETE FROM withheld WHERE destination=? AND cluster=''", (name,))
        if rechecked:
            self._db.execute("DELETE FROM positions")


def _text_or_empty(value: Any) -> str:
    return value if isinstance(value, str) else ""
