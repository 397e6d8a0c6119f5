"""The table `entries`: the queue of what is not pushed yet, and which of it awaits its author.

A row that cannot be made is left out. A statement that fails is not: SQLite may have rolled the transaction
back.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping

import msgspec

from reverser.journal import rows
from reverser.journal.rows import Tables
from reverser.model.attribution import Attribution
from reverser.model.entry import Entry
from reverser.model.journal import Backlog
from reverser.unexpected_errors import left_out

INSERT = "INSERT INTO entries (destination, appended_at, body, waiting) VALUES (?,?,?,?)"
AMONG = "seq IN (SELECT value FROM json_each(?))"
PENDING_BYTES_MOST = 16 * 1024 * 1024
"""After so many bytes a look at what is pending ends, however few entries they are."""


class Entries(Tables):
    """Those that write need a transaction around them."""

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

    def last_seq(self) -> int:
        """The highest number that was ever given out."""
        row = self._db.execute("SELECT seq FROM sqlite_sequence WHERE name='entries'").fetchone()
        return int(row[0]) if row else 0

    def set_attributions(self, attributions: Mapping[int, Attribution]) -> None:
        for seq, attribution in attributions.items():
            row = self._db.execute("SELECT body FROM entries WHERE seq=?", (seq,)).fetchone()
            if row is None:
                continue
            body = None
            with left_out("journal", f"entries {seq}"):
                body = rows.attributed_body(row[0], attribution)
            if body is not None:
                self._db.execute("UPDATE entries SET body=?, waiting=0 WHERE seq=?", (body, seq))

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
        seq = self._db.execute(INSERT, rows.entry_row(entry, now)).lastrowid
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
