"""`reverser snapshot --to DIR`: files into a folder instead of commits into a repository.

Files that stand there already are replaced, others are left alone; a symbolic link is never
followed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog
import trio

from reverser.errors import StalledError
from reverser.model.entry import Edit
from reverser.model.ports import Journal
from reverser.writer.queue import Queue

log = structlog.get_logger()


class FolderWriter:
    """Writes the entries of one destination as files below a folder."""

    def __init__(self, name: str, folder: Path, queue: Queue, journal: Journal) -> None:
        self._name = name
        self._folder = folder
        self._queue = queue
        self._journal = journal

    def drain(self) -> None:
        """Write what is journaled, then return from `run`."""
        self._queue.drain()

    async def run(self, ready: Callable[[], Awaitable[None]]) -> None:
        """Write until drained; StalledError when the folder cannot be written."""
        await ready()
        while plans := await self._queue.next():
            entries = [entry for plan in plans for entry in plan.entries]
            await trio.to_thread.run_sync(self._write, [entry.edit for entry in entries])
            await self._journal.ack(self._name, [entry.seq for entry in entries], "")
            log.info("files written", destination=self._name, files=len(entries), folder=str(self._folder))

    def _write(self, edits: list[Edit]) -> None:
        try:
            for edit in edits:
                target = self._folder / edit.path
                self._refuse_links(target)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(edit.content or b"")
        except OSError as error:
            raise StalledError("FolderUnwritable", f"{error.filename}: {error.strerror}") from error

    def _refuse_links(self, target: Path) -> None:
        for place in (target, *target.parents):
            if place == self._folder:
                return
            if place.is_symlink():
                raise StalledError("UnsafePath", f"{place} is a symbolic link", hint="remove it first")
