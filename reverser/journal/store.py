"""The journal's statements that concern several tables, and transactions. Synchronous.

Called in worker threads, one at a time for each store; those that write need a transaction around them. Order
inside `append` matters only for withheld objects: writing or forgetting a record clears them, and what is
withheld now is added last.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain

from reverser.errors import TransientError
from reverser.journal import rows
from reverser.journal.errors import is_storage_error
from reverser.journal.staging import StagedRow
from reverser.journal.table_statements import (
    INSERT_ENTRY,
    SET_SETTING,
    WRITE_RECORD,
    Entries,
    Records,
    StoredFacts,
    StoredSettings,
)
from reverser.model.change import Stream
from reverser.model.condition import Withheld
from reverser.model.entry import Append, Entry, Record
from reverser.model.journal import DESTINATION_SETTINGS, SealedFile, Standing, UnstorableError
from reverser.model.resource import ObjectKey
from reverser.unexpected_errors import bug

PAGES_KEPT = 1024
"""Free pages of 4 KiB that are kept for the next entries."""
PAGES_AT_ONCE = 512
SET_POSITION = """INSERT INTO positions (stream, {0}) VALUES (?, ?)
    ON CONFLICT (stream) DO UPDATE SET {0}=excluded.{0}"""


class Store(Entries, Records, StoredFacts, StoredSettings):
    """One connection; used by one thread at a time."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that is written inside becomes durable at its end, or nothing of it."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self.check()
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def check(self) -> None:
        """Raise when SQLite has rolled the transaction back: what is written now would be durable at once."""
        if not self._db.in_transaction:
            hint = "free some space on the disk of data_dir"
            raise TransientError("the journal cannot be used: a transaction was rolled back", hint=hint)

    def append(self, batch: Append, staged: Iterable[Sequence[StagedRow]] = ()) -> list[Entry]:
        """Raises UnstorableError where it is a row that cannot be stored."""
        try:
            return self._append(batch, staged)
        except Exception as error:
            if is_storage_error(error):
                raise
            if unstorable := self._unstorable(batch):
                raise UnstorableError(unstorable) from None
            raise

    def _unstorable(self, batch: Append) -> dict[tuple[str, ObjectKey], str]:
        """The objects whose rows cannot be stored, each tried alone. What this writes is rolled back."""
        unstorable: dict[tuple[str, ObjectKey], str] = {}
        every: list[Entry | Record | Withheld] = [*batch.entries, *batch.records, *batch.withheld]
        for row in every:
            try:
                self._write(row)
            except Exception as error:
                if is_storage_error(error):
                    raise
                unstorable[row.destination, row.key] = bug("journal", row.key, error).message
        return unstorable

    def _write(self, row: Entry | Record | Withheld) -> None:
        if isinstance(row, Entry):
            self._insert_entry(row, 0.0)
        elif isinstance(row, Record):
            self._write_records([row])
        else:
            self._write_withheld([row])

    def _append(self, batch: Append, staged: Iterable[Sequence[StagedRow]]) -> list[Entry]:
        now = time.time()
        for each in staged:
            self._copy_staged(each, now)
        restored = [entry for entry, digest in batch.restored if self._digest(entry) == digest]
        inserted = [self._insert_entry(entry, now) for entry in (*batch.entries, *restored)]
        self._write_records(batch.records)
        self._delete_records(rows.key_rows(batch.forgotten))
        self._mark_records(batch.marks)
        recorded = ((record.destination, record.key) for record in batch.records)
        self._delete_withheld(rows.key_rows(chain(recorded, batch.forgotten)))
        self._write_withheld(batch.withheld)
        self._db.executemany("DELETE FROM entries WHERE seq=?", ((seq,) for seq in batch.dropped))
        if batch.relist:
            self._db.execute("DELETE FROM positions")
        self._db.executemany(SET_POSITION.format("version"), batch.positions.items())
        self._db.executemany(SET_POSITION.format("coverage"), batch.coverages.items())
        self._db.executemany(SET_SETTING, batch.settings.items())
        empty = ((name,) for name, value in batch.settings.items() if not value)
        self._db.executemany("DELETE FROM settings WHERE name=?", empty)
        return inserted

    def _copy_staged(self, staged: Sequence[StagedRow], now: float) -> None:
        """Copy what a list has brought, as it was encoded then."""
        encoded = ((each.key[0], now, each.body, each.waiting) for each in staged)
        self._db.executemany(INSERT_ENTRY, encoded)
        self._db.executemany(WRITE_RECORD, (each.record for each in staged if each.record is not None))
        self._delete_records([each.key for each in staged if each.record is None])
        self._delete_withheld([each.key for each in staged])

    def ack(self, destination: str, seqs: Iterable[int | range], head: str) -> None:
        self._delete_entries(destination, seqs)
        self.set_setting(f"head/{destination}", head)

    def position(self, stream: Stream) -> tuple[str, str]:
        statement = "SELECT version, coverage FROM positions WHERE stream=?"
        row = self._db.execute(statement, (stream.id,)).fetchone()
        return (row[0], row[1]) if row and all(isinstance(each, str) for each in row) else ("", "")

    def forget_destination(self, destination: str) -> None:
        for table in ("entries", "records", "withheld"):
            self._db.execute(f"DELETE FROM {table} WHERE destination=?", (destination,))  # noqa: S608 constant
        self._db.execute("DELETE FROM positions")
        names = ((f"{kind}/{destination}",) for kind in DESTINATION_SETTINGS if kind != "place")
        self._db.executemany("DELETE FROM settings WHERE name=?", names)

    def standing(self) -> Standing:
        """In one transaction, so that nothing of it is older than the rest."""
        with self._read_transaction():
            positions = {
                stream: (version, coverage)
                for stream, version, coverage in self._db.execute(
                    "SELECT stream, version, coverage FROM positions"
                )
            }
            withheld = tuple(each.key for each in self.withheld())
            oldest = self.oldest_pending()
            return Standing(self.last_seq(), oldest, positions, withheld, self.get_settings(""))

    def sealed(self) -> dict[str, dict[str, SealedFile]]:
        """Destination -> path -> what tells that the file is an encrypted document."""
        files: dict[str, dict[str, SealedFile]] = {}
        statement = "SELECT destination, path, fingerprint, digest FROM records WHERE length(fingerprint) > 0"
        for destination, path, *both in self._db.execute(statement):
            if all(isinstance(each, bytes) for each in both):
                files.setdefault(destination, {})[path] = SealedFile(*(each.hex() for each in both))
        return files

    def selected_by_lost_labels(self) -> set[tuple[str, str]]:
        statement = """SELECT DISTINCT cluster, "group", resource FROM records WHERE selectors != ''"""
        return {
            (cluster, f"{resource}.{group}" if group else resource)
            for cluster, group, resource in self._db.execute(statement)
        }

    def begin_anew(
        self, positions: Mapping[str, tuple[str, str]], settings: Mapping[str, str], digest_key: bytes
    ) -> tuple[str, dict[str, int]]:
        """The new id, and the ids of before."""
        for table in ("entries", "records", "withheld", "facts", "positions"):
            self._db.execute(f"DELETE FROM {table}")  # noqa: S608 constant
        self._db.execute("DELETE FROM settings WHERE name NOT IN ('id', 'former')")
        rows_of_positions = ((stream, *both) for stream, both in positions.items())
        self._db.executemany(
            "INSERT INTO positions (stream, version, coverage) VALUES (?,?,?)", rows_of_positions
        )
        self._db.executemany(SET_SETTING, settings.items())
        return self.new_id(digest_key, self.last_seq())

    @contextmanager
    def _read_transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            if self._db.in_transaction:
                self._db.execute("COMMIT")

    def rename_destinations(self, names: Mapping[str, str]) -> None:
        """All at once: two destinations may have changed names with each other."""
        for old in names:
            self._rename(old, f"\0{old}")
        for old, new in names.items():
            for table in ("records", "withheld", "entries"):
                self._db.execute(f"DELETE FROM {table} WHERE destination=?", (new,))  # noqa: S608 constant
            taken = [(f"{kind}/{new}",) for kind in DESTINATION_SETTINGS]
            self._db.executemany("DELETE FROM settings WHERE name=?", taken)
            self._rename(f"\0{old}", new)

    def _rename(self, old: str, new: str) -> None:
        stored = self._db.execute("SELECT seq, body FROM entries WHERE destination=?", (old,)).fetchall()
        bodies = ((new, rows.renamed_body(body, new), seq) for seq, body in stored)
        self._db.executemany("UPDATE entries SET destination=?, body=? WHERE seq=?", bodies)
        for table in ("records", "withheld"):
            statement = f"UPDATE {table} SET destination=? WHERE destination=?"  # noqa: S608 constant
            self._db.execute(statement, (new, old))
        renamed = ((f"{kind}/{new}", f"{kind}/{old}") for kind in DESTINATION_SETTINGS)
        self._db.executemany("UPDATE settings SET name=? WHERE name=?", renamed)

    def shrink(self) -> bool:
        """Give a part of the room back that entries took; whether there is more to give, and nothing to do.

        A part, since others wait meanwhile; and not while entries are pending, which would use it again.
        """
        (free,) = self._db.execute("PRAGMA freelist_count").fetchone()
        if free < PAGES_KEPT or self._db.execute("SELECT 1 FROM entries LIMIT 1").fetchone():
            return False
        for _ in range(PAGES_AT_ONCE):  # Python's module takes one step of a pragma, and that is one page
            self._db.execute("PRAGMA incremental_vacuum(1)")
        return True

    def checkpoint(self) -> None:
        """Bring what is in the log into the file, which is no shorter before; outside of a transaction."""
        self._db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
