"""Reads the files of a commit, and records, in parts: there may be more than memory holds."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from reverser.model.entry import Record
from reverser.model.journal import Journal
from reverser.model.repository import Repository
from reverser.model.resource import ObjectKey

FILES_AT_ONCE = 500
BYTES_AT_ONCE = 16 * 1024 * 1024
"""Of what is read in one turn, unless a single file is larger."""


RECORDS_AT_ONCE = 500


async def records(journal: Journal, destination: str) -> AsyncIterator[list[Record]]:
    """All records of a destination without their contents, in parts."""
    last: ObjectKey | None = None
    while part := await journal.some_records(destination, last, RECORDS_AT_ONCE):
        last = part[-1].key
        yield part


async def turns(repository: Repository, blobs: Mapping[str, str], most: int | None = None) -> list[list[str]]:
    """The paths of these files (path -> blob) that are read together; without files above `most` bytes."""
    sizes = await repository.sizes([*blobs.values()]) if blobs else {}
    parts, files, held = list[list[str]](), 0, 0
    for path, blob in blobs.items():
        size = sizes[blob]
        if most is not None and size > most:
            continue
        if not parts or files == FILES_AT_ONCE or held + size > BYTES_AT_ONCE:
            parts.append([])
            files, held = 0, 0
        parts[-1].append(path)
        files, held = files + 1, held + size
    return parts


async def contents(repository: Repository, blobs: Mapping[str, str], turn: list[str]) -> dict[str, bytes]:
    """path -> content of the files of one turn."""
    content_of = await repository.blobs([blobs[path] for path in turn])
    return {path: content_of[blobs[path]] for path in turn}
