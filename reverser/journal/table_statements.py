"""The statements of each table: entries, records and withheld objects, facts, settings.

Those that write need a transaction around them. A row that cannot be made is left out. A statement that fails
is not: SQLite may have rolled the transaction back.

| table | what is in it |
|---|---|
| `entries` | the queue of what is not pushed yet, and which of it awaits its author |
| `records`, `withheld` | what is known of each object's file, and what is withheld |
| `facts` | what webhooks said about who asked for which change, as long as it can join a change |
| `settings` | small texts under names, and the ids that the journal had at each start |

What is stored of a destination stands in `settings` as `<kind>/<name of the destination>` (`model.journal`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

import msgspec

from reverser.journal import rows
from reverser.journal.data_directory import is_id_of, new_journal_id
from reverser.journal.rows import Tables
from reverser.model.attribution import Attribution
from reverser.model.change import Stream
from reverser.model.condition import Withheld
from reverser.model.entry import Entry, KnownRecords, Mark, Record, RecordKey
from reverser.model.fact import FACT_SECONDS, MOST_FACTS, Fact
from reverser.model.journal import Backlog
from reverser.model.resource import ObjectKey
from reverser.unexpected_errors import left_out

INSERT_ENTRY = "INSERT INTO entries (destination, appended_at, body, waiting) VALUES (?,?,?,?)"
AMONG = "seq IN (SELECT value FROM json_each(?))"
PENDING_BYTES_MOST = 16 * 1024 * 1024
"""After so many bytes a look at what is pending ends, however few entries they are."""


class Entries(Tables):
    """The table `entries`."""

    def pending(self, destination: str, *, after: int = 0, limit: int = 1000) -> list[Entry]:
        statement = """SELECT seq, seq, appended_at, body FROM entries
            WHERE destination=? AND seq>? ORDER BY seq LIMIT ?"""
        numbered = _bounded(self._db.execute(statement, (destination, after, limit)))
        return self._decoded("entries", numbered, rows.entry_of)

    def any_pending(self, destination: str, after: int) -> bool:
        statement = "SELECT 1 FROM entries WHERE destination=? AND seq>? LIMIT 1"
        return self._db.execute(statement, (destination, after)).fetchone() is not None

    def backlog(self, destination: str) -> Backlog:
        """Counted in the index alone: reading `appended_at` of each row takes thirty times longer."""
        count = "SELECT count(*) FROM entries WHERE destination=?"
        oldest = "SELECT appended_at FROM entries WHERE destination=? ORDER BY seq LIMIT 1"
        (entries,) = self._db.execute(count, (destination,)).fetchone()
        first = self._db.execute(oldest, (destination,)).fetchone()
        return Backlog(entries, first[0] if first and isinstance(first[0], float) else 0.0)

    def backlogs(self, destinations: Iterable[str]) -> dict[str, Backlog]:
        """How far each of them lags behind: one call, since hundreds would wait for each other's turn."""
        return {name: self.backlog(name) for name in destinations}

    def destinations_after(self, seq: int) -> set[str]:
        """The destinations of the entries with a higher number."""
        statement = "SELECT DISTINCT destination FROM entries NOT INDEXED WHERE seq > ?"
        return {name for (name,) in self._db.execute(statement, (seq,))}

    def oldest_pending(self) -> dict[str, int]:
        """Destination -> the number of its oldest entry."""
        return dict(self._db.execute("SELECT destination, min(seq) FROM entries GROUP BY destination"))

    def last_seq(self) -> int:
        """The highest number that was ever given out."""
        row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name='entries'").fetchone()
        return int(row[0]) if row else 0

    def set_attributions(self, attributions: Mapping[int, Attribution]) -> set[str]:
        """The destinations of the entries that have one now."""
        destinations = set[str]()
        for seq, attribution in attributions.items():
            row = self._db.execute("SELECT body, destination FROM entries WHERE seq=?", (seq,)).fetchone()
            if row is None:
                continue
            body = None
            with left_out("journal", f"entries {seq}"):
                body = rows.attributed_body(row[0], attribution)
            if body is not None:
                self._db.execute("UPDATE entries SET body=?, waiting=0 WHERE seq=?", (body, seq))
                destinations.add(row[1])
        return destinations

    def attributed_entries(self, seqs: Collection[int]) -> list[Entry]:
        statement = (
            f"SELECT seq, seq, appended_at, body FROM entries WHERE NOT waiting AND {AMONG} ORDER BY seq"  # noqa: S608 constant
        )
        return self._decoded("entries", self._db.execute(statement, (json.dumps([*seqs]),)), rows.entry_of)

    def any_attributed(self, seqs: Collection[int]) -> bool:
        statement = f"SELECT 1 FROM entries WHERE NOT waiting AND {AMONG} LIMIT 1"  # noqa: S608 constant
        return self._db.execute(statement, (json.dumps([*seqs]),)).fetchone() is not None

    def awaiting_author(self) -> list[Entry]:
        statement = "SELECT seq, seq, appended_at, body FROM entries WHERE waiting ORDER BY seq"
        return self._decoded("entries", self._db.execute(statement), rows.entry_of)

    def _insert_entry(self, entry: Entry, now: float) -> Entry:
        seq = self._db.execute(INSERT_ENTRY, rows.entry_row(entry, now)).lastrowid
        return msgspec.structs.replace(entry, seq=seq or 0, appended_at=now)

    def _delete_entries(self, destination: str, seqs: Iterable[int | range]) -> None:
        highest = self.last_seq()
        ranges = (each if isinstance(each, range) else range(each, each + 1) for each in seqs)
        bounds = ((destination, each.start, min(each.stop - 1, highest)) for each in ranges)
        self._db.executemany("DELETE FROM entries WHERE destination=? AND seq BETWEEN ? AND ?", bounds)


def _bounded(numbered: Iterable[rows.Row]) -> Iterator[rows.Row]:
    """Rows that end with a body, up to the one with which they are too many bytes."""
    size = 0
    for row in numbered:
        yield row
        size += len(row[-1]) if isinstance(row[-1], bytes) else 0
        if size >= PENDING_BYTES_MOST:
            return


WHERE = 'destination=? AND cluster=? AND "group"=? AND resource=? AND namespace=? AND name=?'
WRITE_RECORD = "INSERT OR REPLACE INTO records VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
BARE = """SELECT rowid, destination, cluster, "group", resource, namespace, name, path, digest,
    NULL, x'', x'', mark, selectors, x'' FROM records"""
"""Records without their contents."""


class Records(Tables):
    """The tables `records` and `withheld`."""

    def records(self, destination: str, keys: Sequence[ObjectKey]) -> dict[ObjectKey, Record]:
        return {key: record for key in keys if (record := self._record_at(destination, key)) is not None}

    def known(self, record_keys: Collection[RecordKey]) -> KnownRecords:
        return {each: record for each in record_keys if (record := self._record_at(*each)) is not None}

    def _record_at(self, destination: str, key: ObjectKey) -> Record | None:
        statement = f"SELECT rowid, * FROM records WHERE {WHERE}"  # noqa: S608 constant
        row = self._db.execute(statement, rows.key_columns(destination, key)).fetchone()
        return None if row is None else self._record(row)

    def some_records(self, destination: str, after: ObjectKey | None, limit: int) -> list[Record]:
        start = ("",) * 5 if after is None else rows.key_columns("", after)[1:]
        comparison = ">=" if after is None else ">"
        statement = f"""{BARE} WHERE destination=? AND (cluster, "group", resource, namespace, name)
            {comparison}(?,?,?,?,?) ORDER BY cluster, "group", resource, namespace, name LIMIT ?"""
        records = map(self._record, self._db.execute(statement, (destination, *start, limit)))
        return [record for record in records if record is not None]

    def _record(self, row: rows.Row) -> Record | None:
        number, *columns = row
        try:
            return rows.record_of(tuple(columns))
        except Exception as error:
            readable = rows.readable_part(tuple(columns))
            self._note_damage("records", number, error, None if readable is None else readable.key)
            return readable

    def keys(
        self,
        destinations: Collection[str],
        stream: Stream,
        after: RecordKey | None = None,
        limit: int = 1000,
    ) -> list[RecordKey]:
        # One statement for each destination: an index begins with it, and hundreds of them take 10 ms.
        last, start = after or ("", None)
        record_keys: list[RecordKey] = []
        for name in sorted(each for each in destinations if each >= last):
            room = limit - len(record_keys)
            keys = self._keys_of(name, stream, start if name == last else None, room)
            record_keys += [(name, key) for key in keys]
            if len(record_keys) >= limit:
                break
        return record_keys

    def _keys_of(
        self, destination: str, stream: Stream, after: ObjectKey | None, limit: int
    ) -> list[ObjectKey]:
        statement = f"""SELECT rowid, cluster, "group", resource, namespace, name FROM records
            WHERE destination=? AND cluster=? AND "group"=? AND resource=?
            AND (namespace, name){">=" if after is None else ">"}(?,?) AND (?='' OR namespace=?)
            ORDER BY namespace, name LIMIT ?"""  # noqa: S608 constant
        type_, scope = stream.type, stream.namespace
        start = (scope, "") if after is None else (after.namespace, after.name)
        values = (destination, stream.cluster, type_.group, type_.resource, *start, scope, scope, limit)
        return self._decoded("records", self._db.execute(statement, values), lambda row: rows.key_of(*row))

    def paths(self, destination: str) -> set[str]:
        stored = self._db.execute("SELECT path FROM records WHERE destination=?", (destination,))
        return {path for (path,) in stored if isinstance(path, str)}

    def withheld(self) -> list[Withheld]:
        numbered = self._db.execute("SELECT rowid, * FROM withheld ORDER BY at")
        return self._decoded("withheld", numbered, rows.withheld_of)

    def withhold(self, seq: int, withheld: Withheld, file: str = "") -> None:
        where = rows.key_columns(withheld.destination, withheld.key)
        row = self._db.execute("SELECT body FROM entries WHERE seq=?", (seq,)).fetchone()
        self._db.execute("DELETE FROM entries WHERE seq=?", (seq,))
        if file:
            marked = f"UPDATE records SET mark='anew', path=? WHERE {WHERE}"  # noqa: S608 constant
            known = self._db.execute(marked, (file, *where)).rowcount
            if not known and row is not None:
                self._write_records([rows.record_of_removal(row[0], file)])
        else:
            marked = f"UPDATE records SET mark='absent' WHERE {WHERE} AND mark=''"  # noqa: S608 constant
            self._db.execute(marked, where)
        self._write_withheld([withheld])

    def _digest(self, entry: Entry) -> bytes | None:
        statement = f"SELECT digest FROM records WHERE {WHERE}"  # noqa: S608 constant
        row = self._db.execute(statement, rows.key_columns(entry.destination, entry.key)).fetchone()
        return None if row is None else row[0]

    def _write_records(self, records: Iterable[Record]) -> None:
        self._db.executemany(WRITE_RECORD, map(rows.record_row, records))

    def _mark_records(self, marks: Mapping[tuple[str, ObjectKey], Mark]) -> None:
        statement = f"UPDATE records SET mark=? WHERE {WHERE}"  # noqa: S608 constant
        self._db.executemany(statement, ((mark, *rows.key_columns(*where)) for where, mark in marks.items()))

    def _delete_records(self, keys: list[rows.Row]) -> None:
        self._db.executemany(f"DELETE FROM records WHERE {WHERE}", keys)  # noqa: S608 constant

    def _write_withheld(self, withheld: Iterable[Withheld]) -> None:
        statement = "INSERT OR REPLACE INTO withheld VALUES (?,?,?,?,?,?,?,?,?)"
        self._db.executemany(statement, map(rows.withheld_row, withheld))

    def _delete_withheld(self, keys: list[rows.Row]) -> None:
        if self._db.execute("SELECT 1 FROM withheld LIMIT 1").fetchone() is None:
            return
        self._db.executemany(f"DELETE FROM withheld WHERE {WHERE}", keys)  # noqa: S608 constant


class StoredFacts(Tables):
    """The table `facts`."""

    def save_facts(self, facts: Sequence[Fact], now: float) -> None:
        statement = "INSERT OR IGNORE INTO facts (cluster, id, arrived_at, body) VALUES (?,?,?,?)"
        for fact in facts:
            row = None
            with left_out("journal", fact.cluster):
                row = rows.fact_row(fact, now)
            if row is not None:
                self._db.execute(statement, row)
        newest = "(SELECT max(number) FROM facts)"
        old = f"DELETE FROM facts WHERE arrived_at < ? OR number <= {newest} - ?"  # noqa: S608 constant
        self._db.execute(old, (now - FACT_SECONDS, MOST_FACTS))

    def load_facts(self) -> list[tuple[float, Fact]]:
        statement = "SELECT number, arrived_at, body FROM facts ORDER BY number"
        numbered, known = self._db.execute(statement), len(self.damaged)
        facts = self._decoded("facts", numbered, rows.fact_of)
        del self.damaged[known:]  # a fact is of no object that could be withheld for it
        return facts


SET_SETTING = "INSERT OR REPLACE INTO settings VALUES (?,?)"
FORMER_MOST = 1000
"""Starts whose ids are remembered."""


class StoredSettings(Tables):
    """The table `settings`."""

    _settings = "settings"

    def get_setting(self, name: str) -> str:
        statement = f"SELECT value FROM {self._settings} WHERE name=?"  # noqa: S608 constant
        row = self._db.execute(statement, (name,)).fetchone()
        return str(row[0]) if row else ""

    def get_settings(self, prefix: str) -> dict[str, str]:
        statement = f"SELECT name, value FROM {self._settings} WHERE substr(name, 1, ?)=?"  # noqa: S608 constant
        return {name: str(value) for name, value in self._db.execute(statement, (len(prefix), prefix))}

    def set_setting(self, name: str, value: str) -> None:
        self._db.execute(SET_SETTING, (name, value))

    def new_id(self, digest_key: bytes, last_seq: int) -> tuple[str, dict[str, int]]:
        """(an id for this start, the ids of earlier starts and the highest number given under each)."""
        former: dict[str, int] = {}
        stored = self.get_setting("former")
        with left_out("journal", "former"):
            former = msgspec.json.decode(stored or "{}", type=dict[str, int])
        if last := self.get_setting("id"):
            former[last] = last_seq
        # What the key proves to be ours may be forgotten. Ids of format 3, which it does not, are never.
        proven = [each for each in former if is_id_of(each, digest_key)]
        former = {each: seq for each, seq in former.items() if each not in proven[:-FORMER_MOST]}
        journal_id = new_journal_id(digest_key)
        self.set_setting("former", json.dumps(former))
        self.set_setting("id", journal_id)
        return journal_id, former


class StoredSettingsBeforeFormat7(StoredSettings):
    """They stood in a table of another name, and are still read there by those who must not migrate."""

    _settings = "facts"
