"""SQLite's errors, translated at the edge: who has to act, and what to do.

What is not in the table and not damage is a bug, and passes through untranslated.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from reverser.errors import StalledError, TransientError

NO_MEMORY = "the machine is short of memory"
PASSING = {
    sqlite3.SQLITE_FULL: "free some space on the disk of data_dir",
    sqlite3.SQLITE_IOERR: "is the disk of data_dir full, over a quota, or failing?",
    sqlite3.SQLITE_READONLY: "data_dir must be writable",
    sqlite3.SQLITE_CANTOPEN: "data_dir must be a writable folder",
    sqlite3.SQLITE_PERM: "data_dir must be writable",
    sqlite3.SQLITE_BUSY: "another program has the journal open",
    sqlite3.SQLITE_LOCKED: "another program has the journal open",
    sqlite3.SQLITE_PROTOCOL: "another program has the journal open",
    sqlite3.SQLITE_NOMEM: NO_MEMORY,
}
"""Primary result code -> what would help; tried again all the while."""

DAMAGE = {
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_FORMAT,
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_SCHEMA,
}
"""Primary result codes of a file that is not the journal it should be: a missing table is an ERROR."""

_PRIMARY = 0xFF
_REBUILT = (
    "move journal.sqlite* away: a new journal is rebuilt from the remote and the API server; "
    "a destination with files from before format 4 then asks for adopt = true (UnknownJournal)"
)


@contextmanager
def translated() -> Iterator[None]:
    """Raise TransientError for what passes, StalledError for a damaged database."""
    try:
        yield
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & _PRIMARY
        if code in DAMAGE:
            raise _journal_damaged(error) from error
        if code in PASSING:
            raise TransientError(f"the journal cannot be used: {error}", hint=PASSING[code]) from error
        raise
    except MemoryError as error:
        raise TransientError("the journal cannot be used: out of memory", hint=NO_MEMORY) from error
    except (msgspec.DecodeError, zlib.error) as error:
        raise _journal_damaged(error) from error


def is_storage_error(error: BaseException) -> bool:
    """Whether an error tells of disk, memory or file, not of the row; the transaction may be gone then."""
    passing = (sqlite3.OperationalError, sqlite3.InternalError, MemoryError)
    return isinstance(error, passing) or type(error) is sqlite3.DatabaseError


def _journal_damaged(error: Exception) -> StalledError:
    return StalledError("JournalDamaged", f"the journal is damaged: {error}", hint=_REBUILT)
