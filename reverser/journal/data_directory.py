"""What a data directory knows, for those who have none: `snapshot --to` and `audit replay`.

It is only read, and a daemon may use it meanwhile. Digests are to be the daemon's, what patterns have meant
is to count, and what was encrypted once is not encrypted again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from reverser.journal.digest_key import key
from reverser.journal.errors import translated
from reverser.journal.schema import VERSION
from reverser.journal.store import Store
from reverser.model.entry import Record
from reverser.model.resource import ObjectKey


class Reading:
    """The key and the journal of a data directory; empty where there are none."""

    def __init__(
        self, key: bytes | None = None, store: Store | None = None, *, current: bool = False
    ) -> None:
        self.key = key
        self._store = store
        self._current = current

    def facts(self, prefix: str) -> dict[str, str]:
        """Facts whose names begin like that."""
        if self._store is None:
            return {}
        with translated():
            return self._store.facts(prefix)

    def records(self, destination: str, keys: Sequence[ObjectKey]) -> Mapping[ObjectKey, Record]:
        """What is known of these objects; nothing where another release has written it."""
        if self._store is None or not self._current:
            return {}
        with translated():
            return self._store.records(destination, keys)


@contextmanager
def reading(folder: Path) -> Iterator[Reading]:
    """Open what is there. Raises StalledError or TransientError when it is there and cannot be read."""
    found = key(folder) if (folder / "key").exists() else None
    path = folder / "journal.sqlite"
    if not path.exists():
        yield Reading(found)
        return
    # Without a log of SQLite's nobody has it open: then no file for readers may be made beside it.
    mode = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "immutable=1"
    with translated():
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?{mode}", uri=True, check_same_thread=False)
    with closing(connection):
        with translated():
            (version,) = connection.execute("PRAGMA user_version").fetchone()
        yield Reading(found, Store(connection) if version else None, current=version == VERSION)
