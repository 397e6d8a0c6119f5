"""Reads a data directory beside the process that writes it: nothing is made, locked or changed.

For commands that show what is in one (`withheld`), and for those that have no journal of their own and need
what it knows (`snapshot --to`, `audit replay`): digests are to be the daemon's, patterns are to mean what
they meant, and what was encrypted once is not encrypted again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import msgspec

from reverser.errors import StalledError
from reverser.journal.data_directory import load_digest_key
from reverser.journal.errors import translated
from reverser.journal.schema import SETTINGS_VERSION, VERSION
from reverser.journal.store import Store
from reverser.journal.table_statements import StoredSettings, StoredSettingsBeforeFormat7
from reverser.model.condition import Withheld
from reverser.model.destination import is_of_resource
from reverser.model.entry import Record
from reverser.model.journal import LOCATIONS, Backlog
from reverser.model.resource import ObjectKey


class NotInGit(msgspec.Struct, frozen=True):
    """What is not in Git."""

    withheld: tuple[Withheld, ...]
    """Oldest first."""
    backlogs: dict[str, Backlog]
    """By destination: what waits to be pushed."""


def not_in_git(folder: Path, destinations: Iterable[str]) -> NotInGit:
    """Read it from the journal of a data directory, of these destinations and those of custom resources.

    Raises StalledError where there is no journal or none that can be read, TransientError when it is busy.
    """
    path = folder / "journal.sqlite"
    if not path.exists():
        hint = "`reverser run` makes it; is data_dir right, and may this user look into it?"
        raise StalledError("NoJournal", f"there is no journal at {path}", hint=hint)
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with (
        translated(),
        closing(sqlite3.connect(uri, uri=True, timeout=10, isolation_level=None)) as connection,
    ):
        version = _version(connection)
        if version > VERSION:
            message = f"the journal was written by another version (format {version}, here {VERSION})"
            raise StalledError("JournalVersion", message, hint="use the newer reverser")
        store = Store(connection)
        names = [*destinations, *(_of_resources(connection) if version == VERSION else ())]
        return NotInGit(tuple(store.withheld()), store.backlogs(names))


def _of_resources(connection: sqlite3.Connection) -> list[str]:
    """The destinations of custom resources that something is stored of."""
    stored = StoredSettings(connection).get_settings(LOCATIONS)
    names = (name.removeprefix(LOCATIONS) for name, text in stored.items() if text)
    return sorted(filter(is_of_resource, names))


class DataDirectory:
    """The key and the journal of a data directory; empty where there are none."""

    def __init__(
        self, key: bytes | None = None, settings: StoredSettings | None = None, store: Store | None = None
    ) -> None:
        """`store`: None for a journal that another release has written."""
        self.key = key
        self._settings = settings
        self._store = store

    def get_settings(self, prefix: str) -> dict[str, str]:
        """StoredSettings whose names begin like that."""
        if self._settings is None:
            return {}
        with translated():
            return self._settings.get_settings(prefix)

    def records(self, destination: str, keys: Sequence[ObjectKey]) -> Mapping[ObjectKey, Record]:
        """What is known of these objects; nothing where another release has written it."""
        if self._store is None:
            return {}
        with translated():
            return self._store.records(destination, keys)


@contextmanager
def open_read_only(folder: Path) -> Iterator[DataDirectory]:
    """Open what is there. Raises StalledError or TransientError when it is there and cannot be read."""
    key = load_digest_key(folder) if (folder / "key").exists() else None
    path = folder / "journal.sqlite"
    if not path.exists():
        yield DataDirectory(key)
        return
    # Without a log of SQLite's nobody has it open: then no file for readers may be made beside it.
    mode = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "immutable=1"
    with translated():
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?{mode}", uri=True, check_same_thread=False)
    with closing(connection):
        with translated():
            version = _version(connection)
        stored = StoredSettings if version >= SETTINGS_VERSION else StoredSettingsBeforeFormat7
        yield DataDirectory(
            key, stored(connection) if version else None, Store(connection) if version == VERSION else None
        )


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)
