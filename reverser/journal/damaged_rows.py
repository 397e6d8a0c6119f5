"""Rows that cannot be read: withheld one by one, so that the journal always starts and goes on.

A reader gets the rows that can be read. A damaged one is noted, and then deleted; a withheld object is shown
for it, of the type `entries`, `records` or `withheld` and with the row's number as its name, since its own is
not known. Nor is it known what became of the object: at the next start `recheck_destinations` has every
destination with such a row compare its branch and its objects afresh.
A record whose object and path can be read, and nothing else, stays without a digest, so that it equals no
file; its object is withheld until it was decided on again.
"""

from __future__ import annotations

import sqlite3
import time
import zlib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar

from reverser.journal import rows
from reverser.model.resource import ObjectKey
from reverser.model.withheld import Withheld
from reverser.unexpected_errors import BUG, bug

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

    def _decoded(self, table: str, numbered: Iterable[rows.Row], decode: Callable[[rows.Row], T]) -> list[T]:
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
            shown = rows.withheld_row(Withheld(_text(stored[0]), key, BUG, row.why, time.time()))
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


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
