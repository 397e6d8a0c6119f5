"""The tables `records` and `withheld`: what is known of each object's file, and what is withheld."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from reverser.journal import rows
from reverser.journal.rows import Tables
from reverser.model.change import Stream
from reverser.model.entry import Entry, Mark, Record
from reverser.model.resource import ObjectKey
from reverser.model.withheld import Withheld

WHERE = 'destination=? AND cluster=? AND "group"=? AND resource=? AND namespace=? AND name=?'
WRITE = "INSERT OR REPLACE INTO records VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
BARE = """SELECT rowid, destination, cluster, "group", resource, namespace, name, path, digest,
    NULL, x'', x'', mark, selectors, x'' FROM records"""
"""Records without their contents."""


class Records(Tables):
    """Those that write need a transaction around them."""

    def records(self, destination: str, keys: Sequence[ObjectKey]) -> dict[ObjectKey, Record]:
        statement = f"SELECT rowid, * FROM records WHERE {WHERE}"  # noqa: S608 constant
        records: dict[ObjectKey, Record] = {}
        for key in keys:
            row = self._db.execute(statement, rows.key_columns(destination, key)).fetchone()
            record = None if row is None else self._record(row)
            if record is not None:
                records[key] = record
        return records

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
        self, destination: str, stream: Stream, after: ObjectKey | None = None, limit: int = 1000
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
        self._db.executemany(WRITE, map(rows.record_row, records))

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
