"""The journal's statements: synchronous, each method one transaction.

Called in worker threads, writes one at a time. Order inside a transaction matters only for
withheld objects: writing or forgetting a record clears them, and what is withheld now is added last.
"""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import msgspec

from reverser.journal import rows
from reverser.model.change import Stream
from reverser.model.entry import Append, Entry, Record
from reverser.model.ports import Backlog
from reverser.model.resource import ObjectKey
from reverser.model.withheld import Withheld

WHERE = 'destination=? AND cluster=? AND "group"=? AND resource=? AND namespace=? AND name=?'
POSITION = """INSERT INTO positions (stream, {0}) VALUES (?, ?)
    ON CONFLICT (stream) DO UPDATE SET {0}=excluded.{0}"""


class Store:
    """One connection; used by one thread at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield self._db
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def append(self, batch: Append) -> list[Entry]:
        now = time.time()
        with self._transaction() as db:
            written = [self._insert(db, entry, now) for entry in batch.entries]
            records = [rows.record_row(record) for record in batch.records]
            db.executemany("INSERT OR REPLACE INTO records VALUES (?,?,?,?,?,?,?,?,?)", records)
            gone = rows.places(batch.forgotten)
            db.executemany(f"DELETE FROM records WHERE {WHERE}", gone)  # noqa: S608 constant
            settled = gone + [row[:6] for row in records]
            db.executemany(f"DELETE FROM withheld WHERE {WHERE}", settled)  # noqa: S608 constant
            self._keep_withheld(db, batch.withheld)
            db.executemany(POSITION.format("version"), batch.positions.items())
            db.executemany(POSITION.format("coverage"), batch.coverages.items())
        return written

    @staticmethod
    def _insert(db: sqlite3.Connection, entry: Entry, now: float) -> Entry:
        statement = "INSERT INTO entries (destination, appended_at, body) VALUES (?,?,?)"
        seq = db.execute(statement, rows.entry_row(entry, now)).lastrowid
        return msgspec.structs.replace(entry, seq=seq or 0, appended_at=now)

    @staticmethod
    def _keep_withheld(db: sqlite3.Connection, withheld: Iterable[Withheld]) -> None:
        statement = "INSERT OR REPLACE INTO withheld VALUES (?,?,?,?,?,?,?,?,?)"
        db.executemany(statement, map(rows.withheld_row, withheld))

    def pending(self, destination: str, after: int, limit: int) -> list[Entry]:
        statement = """SELECT seq, appended_at, body FROM entries
            WHERE destination=? AND seq>? ORDER BY seq LIMIT ?"""
        return [rows.entry_of(row) for row in self._db.execute(statement, (destination, after, limit))]

    def any_pending(self, destination: str, after: int) -> bool:
        statement = "SELECT 1 FROM entries WHERE destination=? AND seq>? LIMIT 1"
        return self._db.execute(statement, (destination, after)).fetchone() is not None

    def ack(self, destination: str, seqs: Iterable[int], head: str) -> None:
        with self._transaction() as db:
            places = ((destination, seq) for seq in seqs)
            db.executemany("DELETE FROM entries WHERE destination=? AND seq=?", places)
            self._set(db, f"head/{destination}", head)

    def withhold(self, seq: int, withheld: Withheld) -> None:
        with self._transaction() as db:
            db.execute("DELETE FROM entries WHERE seq=?", (seq,))
            key = rows.place(withheld.destination, withheld.key)
            db.execute(f"DELETE FROM records WHERE {WHERE}", key)  # noqa: S608 constant
            self._keep_withheld(db, [withheld])

    def withheld(self) -> list[Withheld]:
        return [rows.withheld_of(row) for row in self._db.execute("SELECT * FROM withheld ORDER BY at")]

    def records(self, destination: str, keys: Sequence[ObjectKey]) -> dict[ObjectKey, Record]:
        statement = f"SELECT * FROM records WHERE {WHERE}"  # noqa: S608 constant
        found: dict[ObjectKey, Record] = {}
        for key in keys:
            row = self._db.execute(statement, rows.place(destination, key)).fetchone()
            if row is not None:
                found[key] = rows.record_of(row)
        return found

    def keys(self, destination: str, stream: Stream) -> set[ObjectKey]:
        statement = """SELECT cluster, "group", resource, namespace, name FROM records
            WHERE destination=? AND cluster=? AND "group"=? AND resource=? AND (?='' OR namespace=?)"""
        type_, scope = stream.type, stream.namespace
        values = (destination, stream.cluster, type_.group, type_.resource, scope, scope)
        return {ObjectKey(*row) for row in self._db.execute(statement, values)}

    def all_records(self, destination: str) -> list[Record]:
        statement = """SELECT destination, cluster, "group", resource, namespace, name, path, digest, ''
            FROM records WHERE destination=?"""
        return [rows.record_of(row) for row in self._db.execute(statement, (destination,))]

    def position(self, stream: Stream) -> tuple[str, str]:
        statement = "SELECT version, coverage FROM positions WHERE stream=?"
        row = self._db.execute(statement, (stream.id,)).fetchone()
        return (row[0], row[1]) if row else ("", "")

    def forget(self, destination: str) -> None:
        with self._transaction() as db:
            for table in ("entries", "records", "withheld"):
                db.execute(f"DELETE FROM {table} WHERE destination=?", (destination,))  # noqa: S608 constant
            db.execute("DELETE FROM positions")
            db.execute("DELETE FROM facts WHERE name=?", (f"head/{destination}",))

    def fact(self, name: str) -> str:
        row = self._db.execute("SELECT value FROM facts WHERE name=?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def set_fact(self, name: str, value: str) -> None:
        with self._transaction() as db:
            self._set(db, name, value)

    @staticmethod
    def _set(db: sqlite3.Connection, name: str, value: str) -> None:
        db.execute("INSERT OR REPLACE INTO facts VALUES (?,?)", (name, value))

    def new_id(self) -> str:
        identity = secrets.token_hex(6)
        self.set_fact("id", identity)
        return identity

    def last_seq(self) -> int:
        row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name='entries'").fetchone()
        return int(row[0]) if row else 0

    def backlog(self, destination: str) -> Backlog:
        statement = "SELECT count(*), coalesce(min(appended_at), 0) FROM entries WHERE destination=?"
        return Backlog(*self._db.execute(statement, (destination,)).fetchone())
