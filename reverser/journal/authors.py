"""The journal's statements about authors: entries that wait for one, and the facts that may tell.

Facts are kept as long as they can join a change, and no more of them than the memory holds. A row that
cannot be made is left out. No statement is: when one fails SQLite may have rolled the transaction back.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Mapping, Sequence

from reverser.bugs import left_out
from reverser.journal import rows
from reverser.journal.damaged_rows import Damaged, sound
from reverser.model.attribution import Attribution
from reverser.model.entry import Entry
from reverser.model.fact import KEPT_COUNT, KEPT_SECONDS, Fact

AMONG = "seq IN (SELECT value FROM json_each(?))"


class Evidence:
    """Uses the connection of a `Store`, in its transactions."""

    def __init__(self, connection: sqlite3.Connection, damaged: list[Damaged]) -> None:
        """`damaged` takes the entries that cannot be read."""
        self._db = connection
        self.damaged = damaged

    def settle(self, attributions: Mapping[int, Attribution]) -> None:
        for seq, attribution in attributions.items():
            row = self._db.execute("SELECT body FROM entries WHERE seq=?", (seq,)).fetchone()
            if row is None:
                continue
            body = None
            with left_out("journal", f"entries {seq}"):
                body = rows.settled_body(row[0], attribution)
            if body is not None:
                self._db.execute("UPDATE entries SET body=?, waiting=0 WHERE seq=?", (body, seq))

    def settled(self, seqs: Collection[int]) -> list[Entry]:
        statement = (
            f"SELECT seq, seq, appended_at, body FROM entries WHERE NOT waiting AND {AMONG} ORDER BY seq"  # noqa: S608 constant
        )
        found = self._db.execute(statement, (json.dumps([*seqs]),))
        return sound("entries", found, rows.entry_of, self.damaged)

    def any_settled(self, seqs: Collection[int]) -> bool:
        statement = f"SELECT 1 FROM entries WHERE NOT waiting AND {AMONG} LIMIT 1"  # noqa: S608 constant
        return self._db.execute(statement, (json.dumps([*seqs]),)).fetchone() is not None

    def waiting(self) -> list[Entry]:
        statement = "SELECT seq, seq, appended_at, body FROM entries WHERE waiting ORDER BY seq"
        return sound("entries", self._db.execute(statement), rows.entry_of, self.damaged)

    def keep(self, facts: Sequence[Fact], now: float) -> None:
        statement = "INSERT OR IGNORE INTO evidence (cluster, id, arrived_at, body) VALUES (?,?,?,?)"
        for fact in facts:
            row = None
            with left_out("journal", fact.cluster):
                row = rows.fact_row(fact, now)
            if row is not None:
                self._db.execute(statement, row)
        newest = "(SELECT max(number) FROM evidence)"
        old = f"DELETE FROM evidence WHERE arrived_at < ? OR number <= {newest} - ?"  # noqa: S608 constant
        self._db.execute(old, (now - KEPT_SECONDS, KEPT_COUNT))

    def kept(self) -> list[tuple[float, Fact]]:
        statement = "SELECT number, arrived_at, body FROM evidence ORDER BY number"
        ignored: list[Damaged] = []
        return sound("evidence", self._db.execute(statement), rows.fact_of, ignored)
