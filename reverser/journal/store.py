"""The journal's statements, synchronous; those that write need a transaction around them.

Called in worker threads, one at a time for each store. Order inside `append` matters only for
withheld objects: writing or forgetting a record clears them, and what is withheld now is added last.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import TypeAlias

import msgspec

from reverser.bugs import bug, left_out
from reverser.errors import TransientError
from reverser.journal import rows
from reverser.journal.authors import Evidence
from reverser.journal.damaged_rows import Damaged, begin_anew, set_aside, sound
from reverser.journal.digest_key import made_with, proves
from reverser.journal.errors import of_the_store
from reverser.journal.staging import Row
from reverser.model.change import Stream
from reverser.model.entry import Append, Entry, Mark, Record
from reverser.model.ports import FACTS, Backlog, UnstorableError
from reverser.model.resource import ObjectKey
from reverser.model.withheld import Withheld

Place: TypeAlias = tuple[str, ObjectKey]
WHERE = 'destination=? AND cluster=? AND "group"=? AND resource=? AND namespace=? AND name=?'
ENTER = "INSERT INTO entries (destination, appended_at, body, waiting) VALUES (?,?,?,?)"
RECORD = "INSERT OR REPLACE INTO records VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
PAGES_KEPT = 1024
"""Free pages of 4 KiB that are kept for the next entries."""
PAGES_AT_ONCE = 512
BARE = """SELECT rowid, destination, cluster, "group", resource, namespace, name, path, digest,
    NULL, x'', x'', mark, selectors, x'' FROM records"""
"""Records without their contents."""
FORMER = 1000
"""Starts whose ids are remembered."""
POSITION = """INSERT INTO positions (stream, {0}) VALUES (?, ?)
    ON CONFLICT (stream) DO UPDATE SET {0}=excluded.{0}"""


PENDING_BYTES_MOST = 16 * 1024 * 1024
"""After so many bytes a look at what is pending ends, however few entries they are."""


class Store:
    """One connection; used by one thread at a time."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._db = connection
        self.damaged: list[Damaged] = []
        """Rows that were met and could not be read, since `take_damaged`."""
        self.evidence = Evidence(connection, self.damaged)

    def take_damaged(self) -> list[Damaged]:
        """The rows that could not be read since the last call."""
        found = self.damaged[:]
        del self.damaged[: len(found)]
        return found

    def set_aside(self, damaged: Iterable[Damaged]) -> None:
        """See `journal.damaged_rows`."""
        set_aside(self._db, damaged)

    def begin_anew(self) -> None:
        """See `journal.damaged_rows`."""
        begin_anew(self._db)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written inside becomes durable at its end, or nothing of it."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.check()
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def check(self) -> None:
        """Raise when SQLite has rolled the transaction back: what is written now would be durable at once."""
        if not self._db.in_transaction:
            hint = "free some space on the disk of data_dir"
            raise TransientError("the journal cannot be used: a transaction was rolled back", hint=hint)

    def append(self, batch: Append, staged: Iterable[Sequence[Row]] = ()) -> list[Entry]:
        """Raises UnstorableError where it is a row that cannot be stored."""
        try:
            return self._append(batch, staged)
        except Exception as error:
            if of_the_store(error):
                raise
            if places := self._unstorable(batch):
                raise UnstorableError(places) from None
            raise

    def _unstorable(self, batch: Append) -> dict[Place, str]:
        """The objects whose rows cannot be stored, each tried alone. What this writes is rolled back."""
        found: dict[Place, str] = {}
        every: list[Entry | Record | Withheld] = [*batch.entries, *batch.records, *batch.withheld]
        for row in every:
            try:
                self._store(row)
            except Exception as error:
                if of_the_store(error):
                    raise
                found[row.destination, row.key] = bug("journal", row.key, error).message
        return found

    def _store(self, row: Entry | Record | Withheld) -> None:
        if isinstance(row, Entry):
            self._insert(row, 0.0)
        elif isinstance(row, Record):
            self._keep_records([row])
        else:
            self._keep_withheld([row])

    def _append(self, batch: Append, staged: Iterable[Sequence[Row]]) -> list[Entry]:
        now = time.time()
        for each in staged:
            self._take_over(each, now)
        restored = [entry for entry, digest in batch.restored if self._digest(entry) == digest]
        written = [self._insert(entry, now) for entry in (*batch.entries, *restored)]
        self._keep_records(batch.records)
        self._forget(rows.places(batch.forgotten))
        self._mark(batch.marks)
        recorded = ((record.destination, record.key) for record in batch.records)
        self._clear(rows.places(chain(recorded, batch.forgotten)))
        self._keep_withheld(batch.withheld)
        self._db.executemany("DELETE FROM entries WHERE seq=?", ((seq,) for seq in batch.dropped))
        if batch.relist:
            self._db.execute("DELETE FROM positions")
        self._db.executemany(POSITION.format("version"), batch.positions.items())
        self._db.executemany(POSITION.format("coverage"), batch.coverages.items())
        self._db.executemany("INSERT OR REPLACE INTO facts VALUES (?,?)", batch.facts.items())
        dropped_facts = ((name,) for name, value in batch.facts.items() if not value)
        self._db.executemany("DELETE FROM facts WHERE name=?", dropped_facts)
        return written

    def _insert(self, entry: Entry, now: float) -> Entry:
        seq = self._db.execute(ENTER, rows.entry_row(entry, now)).lastrowid
        return msgspec.structs.replace(entry, seq=seq or 0, appended_at=now)

    def _take_over(self, staged: Sequence[Row], now: float) -> None:
        """Copy what a list has brought, as it was encoded then."""
        self._db.executemany(ENTER, ((each.place[0], now, each.body, each.waiting) for each in staged))
        self._db.executemany(RECORD, (each.record for each in staged if each.record is not None))
        self._forget([each.place for each in staged if each.record is None])
        self._clear([each.place for each in staged])

    def _keep_records(self, records: Iterable[Record]) -> None:
        self._db.executemany(RECORD, map(rows.record_row, records))

    def _mark(self, marks: Mapping[tuple[str, ObjectKey], Mark]) -> None:
        statement = f"UPDATE records SET mark=? WHERE {WHERE}"  # noqa: S608 constant
        self._db.executemany(statement, ((mark, *rows.place(*where)) for where, mark in marks.items()))

    def _digest(self, entry: Entry) -> bytes | None:
        statement = f"SELECT digest FROM records WHERE {WHERE}"  # noqa: S608 constant
        row = self._db.execute(statement, rows.place(entry.destination, entry.key)).fetchone()
        return None if row is None else row[0]

    def _forget(self, places: list[rows.Row]) -> None:
        self._db.executemany(f"DELETE FROM records WHERE {WHERE}", places)  # noqa: S608 constant

    def _clear(self, places: list[rows.Row]) -> None:
        if self._db.execute("SELECT 1 FROM withheld LIMIT 1").fetchone() is None:
            return
        self._db.executemany(f"DELETE FROM withheld WHERE {WHERE}", places)  # noqa: S608 constant

    def _keep_withheld(self, withheld: Iterable[Withheld]) -> None:
        statement = "INSERT OR REPLACE INTO withheld VALUES (?,?,?,?,?,?,?,?,?)"
        self._db.executemany(statement, map(rows.withheld_row, withheld))

    def pending(self, destination: str, after: int, limit: int) -> list[Entry]:
        statement = """SELECT seq, seq, appended_at, body FROM entries
            WHERE destination=? AND seq>? ORDER BY seq LIMIT ?"""
        found = self._db.execute(statement, (destination, after, limit))
        return sound("entries", _bounded(found), rows.entry_of, self.damaged)

    def any_pending(self, destination: str, after: int) -> bool:
        statement = "SELECT 1 FROM entries WHERE destination=? AND seq>? LIMIT 1"
        return self._db.execute(statement, (destination, after)).fetchone() is not None

    def ack(self, destination: str, seqs: Iterable[int | range], head: str) -> None:
        highest = self.last_seq()
        every = (each if isinstance(each, range) else range(each, each + 1) for each in seqs)
        places = ((destination, each.start, min(each.stop - 1, highest)) for each in every)
        self._db.executemany("DELETE FROM entries WHERE destination=? AND seq BETWEEN ? AND ?", places)
        self.set_fact(f"head/{destination}", head)

    def shrink(self) -> bool:
        """Give a part of the room back that entries took; whether there is more to give, and nothing to do.

        A part, since others wait meanwhile; and not while entries are pending, which would use it again.
        """
        (free,) = self._db.execute("PRAGMA freelist_count").fetchone()
        if free < PAGES_KEPT or self._db.execute("SELECT 1 FROM entries LIMIT 1").fetchone():
            return False
        for _ in range(PAGES_AT_ONCE):  # Python's module takes one step of a pragma, and that is one page
            self._db.execute("PRAGMA incremental_vacuum(1)")
        return True

    def checkpoint(self) -> None:
        """Bring what is in the log into the file, which is no shorter before; outside of a transaction."""
        self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def withhold(self, seq: int, withheld: Withheld, file: str) -> None:
        where = rows.place(withheld.destination, withheld.key)
        row = self._db.execute("SELECT body FROM entries WHERE seq=?", (seq,)).fetchone()
        self._db.execute("DELETE FROM entries WHERE seq=?", (seq,))
        if file:
            marked = f"UPDATE records SET mark='anew', path=? WHERE {WHERE}"  # noqa: S608 constant
            found = self._db.execute(marked, (file, *where)).rowcount
            if not found and row is not None:
                self._keep_records([rows.given_up(row[0], file)])
        else:
            marked = f"UPDATE records SET mark='absent' WHERE {WHERE} AND mark=''"  # noqa: S608 constant
            self._db.execute(marked, where)
        self._keep_withheld([withheld])

    def rename(self, names: Mapping[str, str]) -> None:
        """All at once: two destinations may have changed names with each other."""
        for old in names:
            self._rename(old, f"\0{old}")
        for old, new in names.items():
            for table in ("records", "withheld", "entries"):
                self._db.execute(f"DELETE FROM {table} WHERE destination=?", (new,))  # noqa: S608 constant
            self._db.executemany("DELETE FROM facts WHERE name=?", [(f"{kind}/{new}",) for kind in FACTS])
            self._rename(f"\0{old}", new)

    def _rename(self, old: str, new: str) -> None:
        entries = self._db.execute("SELECT seq, body FROM entries WHERE destination=?", (old,)).fetchall()
        bodies = ((new, rows.renamed(body, new), seq) for seq, body in entries)
        self._db.executemany("UPDATE entries SET destination=?, body=? WHERE seq=?", bodies)
        for table in ("records", "withheld"):
            statement = f"UPDATE {table} SET destination=? WHERE destination=?"  # noqa: S608 constant
            self._db.execute(statement, (new, old))
        facts = ((f"{kind}/{new}", f"{kind}/{old}") for kind in FACTS)
        self._db.executemany("UPDATE facts SET name=? WHERE name=?", facts)

    def withheld(self) -> list[Withheld]:
        found = self._db.execute("SELECT rowid, * FROM withheld ORDER BY at")
        return sound("withheld", found, rows.withheld_of, self.damaged)

    def records(self, destination: str, keys: Sequence[ObjectKey]) -> dict[ObjectKey, Record]:
        statement = f"SELECT rowid, * FROM records WHERE {WHERE}"  # noqa: S608 constant
        found: dict[ObjectKey, Record] = {}
        for key in keys:
            row = self._db.execute(statement, rows.place(destination, key)).fetchone()
            record = None if row is None else self._record(row)
            if record is not None:
                found[key] = record
        return found

    def _record(self, row: rows.Row) -> Record | None:
        number, *columns = row
        try:
            return rows.record_of(tuple(columns))
        except Exception as error:
            why = bug("journal", f"records {number}", error).message
            remains = rows.remains_of(tuple(columns))
            self.damaged.append(Damaged("records", number, why, None if remains is None else remains.key))
            return remains

    def keys(self, destination: str, stream: Stream, after: ObjectKey | None, limit: int) -> list[ObjectKey]:
        statement = f"""SELECT rowid, cluster, "group", resource, namespace, name FROM records
            WHERE destination=? AND cluster=? AND "group"=? AND resource=?
            AND (namespace, name){">=" if after is None else ">"}(?,?) AND (?='' OR namespace=?)
            ORDER BY namespace, name LIMIT ?"""  # noqa: S608 constant
        type_, scope = stream.type, stream.namespace
        start = (scope, "") if after is None else (after.namespace, after.name)
        values = (destination, stream.cluster, type_.group, type_.resource, *start, scope, scope, limit)
        found = self._db.execute(statement, values)
        return [*sound("records", found, lambda row: rows.key_of(*row), self.damaged)]

    def some_records(self, destination: str, after: ObjectKey | None, limit: int) -> list[Record]:
        start = ("",) * 5 if after is None else rows.place("", after)[1:]
        comparison = ">=" if after is None else ">"
        statement = f"""{BARE} WHERE destination=? AND (cluster, "group", resource, namespace, name)
            {comparison}(?,?,?,?,?) ORDER BY cluster, "group", resource, namespace, name LIMIT ?"""
        found = map(self._record, self._db.execute(statement, (destination, *start, limit)))
        return [record for record in found if record is not None]

    def paths(self, destination: str) -> set[str]:
        statement = "SELECT path FROM records WHERE destination=?"
        found = self._db.execute(statement, (destination,))
        return {path for (path,) in found if isinstance(path, str)}

    def position(self, stream: Stream) -> tuple[str, str]:
        statement = "SELECT version, coverage FROM positions WHERE stream=?"
        row = self._db.execute(statement, (stream.id,)).fetchone()
        return (row[0], row[1]) if row and all(isinstance(each, str) for each in row) else ("", "")

    def forget(self, destination: str) -> None:
        for table in ("entries", "records", "withheld"):
            self._db.execute(f"DELETE FROM {table} WHERE destination=?", (destination,))  # noqa: S608 constant
        self._db.execute("DELETE FROM positions")
        facts = ((f"{kind}/{destination}",) for kind in FACTS if kind != "place")
        self._db.executemany("DELETE FROM facts WHERE name=?", facts)

    def fact(self, name: str) -> str:
        row = self._db.execute("SELECT value FROM facts WHERE name=?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def facts(self, prefix: str) -> dict[str, str]:
        statement = "SELECT name, value FROM facts WHERE substr(name, 1, ?)=?"
        return {name: str(value) for name, value in self._db.execute(statement, (len(prefix), prefix))}

    def set_fact(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO facts VALUES (?,?)", (name, value))

    def new_id(self, digest_key: bytes) -> tuple[str, dict[str, int]]:
        """(an id for this start, the ids of earlier starts and the highest number given under each)."""
        former: dict[str, int] = {}
        stored = self.fact("former")
        with left_out("journal", "former"):
            former = msgspec.json.decode(stored or "{}", type=dict[str, int])
        if old := self.fact("id"):
            former[old] = self.last_seq()
        # What the key proves to be ours may be forgotten; ids of format 3 could not be told any more.
        proven = [each for each in former if proves(each, digest_key)]
        former = {each: last for each, last in former.items() if each not in proven[:-FORMER]}
        identity = made_with(digest_key)
        self.set_fact("former", json.dumps(former))
        self.set_fact("id", identity)
        return identity, former

    def last_seq(self) -> int:
        """The highest number that was ever given out."""
        row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name='entries'").fetchone()
        return int(row[0]) if row else 0

    def backlog(self, destination: str) -> Backlog:
        """Counted in the index alone: reading `appended_at` of each row takes thirty times longer."""
        count = "SELECT count(*) FROM entries WHERE destination=?"
        oldest = "SELECT appended_at FROM entries WHERE destination=? ORDER BY seq LIMIT 1"
        (entries,) = self._db.execute(count, (destination,)).fetchone()
        first = self._db.execute(oldest, (destination,)).fetchone()
        return Backlog(entries, first[0] if first and isinstance(first[0], float) else 0.0)


def _bounded(found: Iterable[rows.Row]) -> Iterator[rows.Row]:
    """Rows that end with a body, up to the one with which they are too many bytes."""
    size = 0
    for row in found:
        yield row
        size += len(row[-1]) if isinstance(row[-1], bytes) else 0
        if size >= PENDING_BYTES_MOST:
            return
