"""Rows that cannot be read: set aside one by one, so that the journal always starts and goes on.

Whoever reads gets the rows that are sound. A damaged one is noted, and then deleted; in its place a
withheld object is shown, of the type `entries`, `records` or `withheld` and with the row's number as
its name, since its own is not known. What became of the object is then unknown, too: at the next start
`begin_anew` lets every destination with such a row compare its branch and its objects afresh.
A record that tells its object and path, and nothing else for sure, stays as one without a digest, which
equals no file; its object is withheld until it was decided on again.
"""

from __future__ import annotations

import sqlite3
import time
import zlib
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeVar

from reverser.bugs import BUG, bug
from reverser.journal import rows
from reverser.model.resource import ObjectKey
from reverser.model.withheld import Withheld

T = TypeVar("T")
EMPTIED = "UPDATE records SET digest=x'', content=?, fingerprint=x'', sealed=x'' WHERE rowid=?"
NUMBERS_MOST = 2**53
"""Entries above have no number of ours, and would leave none for new ones."""


class Damaged(NamedTuple):
    """One row that cannot be read."""

    table: str
    number: int
    """Its rowid."""
    why: str
    kept: ObjectKey | None = None
    """Of a record of which enough is known to keep it."""


def sound(
    table: str, found: Iterable[rows.Row], make: Callable[[rows.Row], T], damaged: list[Damaged]
) -> list[T]:
    """What `make` makes of rows that begin with their number; those that it cannot read are noted."""
    made = []
    for number, *row in found:
        try:
            made.append(make(tuple(row)))
        except Exception as error:
            damaged.append(Damaged(table, number, bug("journal", f"{table} {number}", error).message))
    return made


def set_aside(db: sqlite3.Connection, damaged: Iterable[Damaged]) -> None:
    """Take damaged rows out, and show them as withheld objects."""
    for row in damaged:
        found = db.execute(f"SELECT destination FROM {row.table} WHERE rowid=?", (row.number,)).fetchone()  # noqa: S608 constant
        if found is None:
            continue
        if row.kept is None:
            db.execute(f"DELETE FROM {row.table} WHERE rowid=?", (row.number,))  # noqa: S608 constant
        else:
            db.execute(EMPTIED, (zlib.compress(b"{}"), row.number))
        key = row.kept or ObjectKey("", "", row.table, "", str(row.number))
        shown = rows.withheld_row(Withheld(_text(found[0]), key, BUG, row.why, time.time()))
        db.execute("INSERT OR REPLACE INTO withheld VALUES (?,?,?,?,?,?,?,?,?)", shown)


def begin_anew(db: sqlite3.Connection) -> None:
    """Have destinations whose rows were set aside find out again what is in their branch."""
    beyond = db.execute("SELECT seq FROM entries WHERE seq > ?", (NUMBERS_MOST,)).fetchall()
    set_aside(db, [Damaged("entries", seq, "its number is none of ours") for (seq,) in beyond])
    highest = "(SELECT coalesce(max(seq), 0) FROM entries)"
    db.execute(
        f"UPDATE sqlite_sequence SET seq={highest} WHERE name='entries' AND seq > ?",  # noqa: S608 constant
        (NUMBERS_MOST,),
    )
    names = [name for (name,) in db.execute("SELECT DISTINCT destination FROM withheld WHERE cluster=''")]
    for name in names:
        db.execute("DELETE FROM facts WHERE name=?", (f"head/{name}",))
        db.execute("UPDATE records SET digest=x'' WHERE destination=?", (name,))
        db.execute("DELETE FROM withheld WHERE destination=? AND cluster=''", (name,))
    if names:
        db.execute("DELETE FROM positions")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
