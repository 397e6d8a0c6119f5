"""What unfinished lists have brought, in files without a name.

A list of 100,000 objects does not fit into memory, and nothing of it may count before it is complete:
neither the writer nor the next process may see it. So it goes to a file that is in no folder, and that ends
with the process or with the list. `Store.append` copies it into the tables in the transaction that stores
the list's position.

The roads not taken: the writer would read entries that are journaled as they come, and make many commits of
one snapshot; a table would be written three times over, and is not empty after a crash.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import msgspec

from reverser.errors import TransientError, WithheldError
from reverser.journal import rows
from reverser.model.entry import Outcome, Staged
from reverser.model.journal import UnstorableError
from reverser.model.resource import ObjectKey
from reverser.unexpected_errors import contained


class StagedRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One outcome as it is stored."""

    key: rows.Row
    body: bytes
    """The entry, without its number."""
    waiting: bool
    record: rows.Row | None


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[StagedRow]).decode


class Spool:
    """What one list has brought; read as often as it takes."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file: BinaryIO | None = None
        self._ends = [0]
        self._void: dict[rows.Row, int] = {}

    def add(self, staged: Staged) -> None:
        """Put more aside. TransientError, UnstorableError: nothing of it was."""
        data = b"".join((b"\xdd", len(staged.outcomes).to_bytes(4, "big"), *_encoded(staged.outcomes)))
        try:
            self._write(data, self._ends[-1])
        except OSError as error:
            hint = "free some space on the disk of data_dir"
            raise TransientError(f"the journal cannot be used: {error.strerror}", hint=hint) from error
        self._void |= dict.fromkeys(map(_object_columns, staged.void), len(self._ends) - 1)
        self._ends.append(self._ends[-1] + len(data))

    def batches(self) -> Iterator[list[StagedRow]]:
        """What counts, in its order, as much at a time as was put aside at a time."""
        for index, (start, end) in enumerate(zip(self._ends, self._ends[1:], strict=False)):
            assert self._file is not None
            stored = _decode(os.pread(self._file.fileno(), end - start, start))
            yield [row for row in stored if index >= self._void.get(row.key[1:], 0)]

    def close(self) -> None:
        """Give the room back."""
        if self._file is not None:
            self._file.close()

    def _write(self, data: bytes, offset: int) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._folder, buffering=0)  # noqa: SIM115 closed by `close`
        rest = memoryview(data)
        while rest:
            written = os.pwrite(self._file.fileno(), rest, offset)
            rest, offset = rest[written:], offset + written


class Staging:
    """The spools of all lists that are running."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._spools: dict[str, Spool] = {}

    def add(self, listing: str, staged: Staged) -> None:
        """Put aside what a list has brought."""
        self._spools.setdefault(listing, Spool(self._folder)).add(staged)

    def get(self, listing: str) -> Spool | None:
        """What a list has brought; None: nothing at all."""
        return self._spools.get(listing)

    def discard(self, listing: str) -> None:
        """Forget a list."""
        spool = self._spools.pop(listing, None)
        if spool is not None:
            spool.close()

    def close(self) -> None:
        """Forget all lists."""
        for listing in list(self._spools):
            self.discard(listing)


def _encoded(outcomes: Iterable[Outcome]) -> list[bytes]:
    """Each as it is stored. Raises UnstorableError, which names all that cannot be."""
    encoded, unstorable = list[bytes](), dict[tuple[str, ObjectKey], str]()
    for outcome in outcomes:
        try:
            with contained("journal", outcome.key):
                encoded.append(_encode(_row(outcome)))
        except WithheldError as error:
            unstorable[outcome.destination, outcome.key] = error.message
    if unstorable:
        raise UnstorableError(unstorable)
    return encoded


def _row(outcome: Outcome) -> StagedRow:
    _, _, body, waiting = rows.entry_row(outcome.entry, 0.0)
    record = None if outcome.record is None else rows.record_row(outcome.record)
    return StagedRow(rows.key_columns(outcome.destination, outcome.key), body, waiting, record)


def _object_columns(key: ObjectKey) -> rows.Row:
    return rows.key_columns("", key)[1:]
