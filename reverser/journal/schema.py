"""The tables of the SQLite journal, and how a database is opened.

WAL with `synchronous=FULL`: a transaction that returned has reached the disk, and readers never
wait for the writer. A database of a newer version is refused, not guessed at.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from functools import partial
from pathlib import Path

from reverser.errors import StalledError
from reverser.journal.rows import identity

VERSION = 7
SETTINGS_VERSION = 7
"""Before it the table `settings` was called `facts`."""
WAL_BYTES_KEPT = 16 * 1024 * 1024
"""The log of what was written shrinks to this when it has grown for a snapshot."""
INCREMENTAL = 2
"""Pages that are free are given back when we ask for it."""

TABLES = """
CREATE TABLE entries (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    destination TEXT NOT NULL,
    appended_at REAL NOT NULL,
    body BLOB NOT NULL
);
CREATE INDEX entries_by_destination ON entries (destination, seq);
CREATE TABLE records (
    destination TEXT NOT NULL,
    cluster TEXT NOT NULL,
    "group" TEXT NOT NULL,
    resource TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    digest BLOB NOT NULL,
    content BLOB NOT NULL,
    PRIMARY KEY (destination, cluster, "group", resource, namespace, name)
);
CREATE TABLE withheld (
    destination TEXT NOT NULL,
    cluster TEXT NOT NULL,
    "group" TEXT NOT NULL,
    resource TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    reason TEXT NOT NULL,
    message TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (destination, cluster, "group", resource, namespace, name)
);
CREATE TABLE positions (
    stream TEXT PRIMARY KEY,
    version TEXT NOT NULL DEFAULT '',
    coverage TEXT NOT NULL DEFAULT ''
);
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""

SECOND = """
ALTER TABLE entries ADD COLUMN waiting INTEGER NOT NULL DEFAULT 0;
CREATE INDEX entries_that_wait ON entries (seq) WHERE waiting;
CREATE TABLE evidence (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    cluster TEXT NOT NULL,
    id TEXT NOT NULL,
    arrived_at REAL NOT NULL,
    body BLOB NOT NULL,
    UNIQUE (cluster, id)
);
CREATE INDEX evidence_by_age ON evidence (arrived_at);
"""
"""Entries that wait for their author, and the facts that may tell: since format 2."""

THIRD = """
ALTER TABLE records ADD COLUMN fingerprint BLOB NOT NULL DEFAULT x'';
ALTER TABLE records ADD COLUMN sealed BLOB NOT NULL DEFAULT x'';
"""
"""What is kept of encrypted files: since format 3."""

FOURTH = """
ALTER TABLE records ADD COLUMN mark TEXT NOT NULL DEFAULT '';
ALTER TABLE records ADD COLUMN selectors TEXT NOT NULL DEFAULT '';
UPDATE positions SET coverage='';
"""
"""By what an object was selected, and what was given up: since format 4. Every stream lists again, for only
the objects themselves tell by what they are selected."""

FIFTH = "UPDATE OR REPLACE evidence SET id=identity(body, id);"
"""Facts are known by what they tell, not by an id that a client may choose: since format 5."""

SIXTH = """
ALTER TABLE records ADD COLUMN latest BLOB NOT NULL DEFAULT x'';
UPDATE positions SET coverage='';
"""
"""What was seen and made no commit: since format 6. Every stream lists again, since none was kept."""


SEVENTH = """
ALTER TABLE facts RENAME TO settings;
ALTER TABLE evidence RENAME TO facts;
DROP INDEX evidence_by_age;
CREATE INDEX facts_by_age ON facts (arrived_at);
"""
"""What the tables hold is called by its name: since format 7."""


def connect(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode, usable from any one thread at a time."""
    with suppress(OSError):
        path.touch(mode=0o600)
    connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
    # Text that is no UTF-8 is somebody's damage, and no reason to read nothing at all.
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(f"PRAGMA journal_size_limit={WAL_BYTES_KEPT}")
    return connection


def prepare(connection: sqlite3.Connection) -> None:
    """Make the tables in a new database, add those that an older one lacks; refuse a newer one."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version <= VERSION:
        _make_shrinkable(connection)
    if version < VERSION:
        connection.create_function("identity", 2, identity, deterministic=True)
        missing = "".join((TABLES, SECOND, THIRD, FOURTH, FIFTH, SIXTH, SEVENTH)[version:])
        connection.executescript(f"BEGIN; {missing} PRAGMA user_version={VERSION}; COMMIT;")
    elif version != VERSION:
        message = f"the journal was written by another version (format {version}, here {VERSION})"
        raise StalledError("JournalVersion", message, hint="use the newer reverser, or another data_dir")


def _make_shrinkable(connection: sqlite3.Connection) -> None:
    """A file of an earlier release is written anew, once; without room for that it stays as it is."""
    (mode,) = connection.execute("PRAGMA auto_vacuum").fetchone()
    if mode != INCREMENTAL:
        connection.execute(f"PRAGMA auto_vacuum={INCREMENTAL}")
        with suppress(sqlite3.OperationalError):
            connection.execute("VACUUM")
