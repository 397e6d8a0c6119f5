"""What a journal holds, read beside the process that writes it: nothing is made, locked or changed.

For commands that tell about a data directory while the daemon runs on it, or after it has ended.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import msgspec

from reverser.errors import StalledError
from reverser.journal.errors import translated
from reverser.journal.schema import VERSION
from reverser.journal.store import Store
from reverser.model.ports import Backlog
from reverser.model.withheld import Withheld


class Missing(msgspec.Struct, frozen=True):
    """What is not in Git."""

    withheld: tuple[Withheld, ...]
    """Oldest first."""
    backlogs: dict[str, Backlog]
    """By destination: what waits to be pushed."""


def missing(folder: Path, destinations: Iterable[str]) -> Missing:
    """Read it from the journal of a data directory.

    Raises StalledError where there is no journal or none that can be read, TransientError when it is busy.
    """
    path = folder / "journal.sqlite"
    if not path.exists():
        hint = "`reverser run` makes it; is data_dir right, and may this user look into it?"
        raise StalledError("NoJournal", f"there is no journal at {path}", hint=hint)
    with translated(), closing(_connected(path)) as connection:
        _refuse_newer(connection)
        store = Store(connection)
        return Missing(tuple(store.withheld()), {name: store.backlog(name) for name in destinations})


def _connected(path: Path) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?mode=ro"
    return sqlite3.connect(uri, uri=True, timeout=10, isolation_level=None)


def _refuse_newer(connection: sqlite3.Connection) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > VERSION:
        message = f"the journal was written by another version (format {version}, here {VERSION})"
        raise StalledError("JournalVersion", message, hint="use the newer reverser")
