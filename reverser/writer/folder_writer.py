"""`reverser snapshot --to DIR`: files into a folder instead of commits into a repository.

The folder has what a branch would have, the files of plugins included. A file is whole or not there: it is
written under another name and then renamed. Files of ours that are there already are replaced, and removed
when their object was deleted meanwhile; all other files stay as they are. A symbolic link is never
followed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

import msgspec
import structlog
import trio

from reverser.errors import StalledError, WithheldError
from reverser.layout import paths
from reverser.model.entry import Edit, Entry, Record
from reverser.model.resource import ObjectKey
from reverser.unexpected_errors import left_out
from reverser.writer.destination_context import CompanionSource, DestinationContext
from reverser.writer.queue import Queue

log = structlog.get_logger()

PARTIAL = ".reverser-new"
"""What a file is called until it is whole."""
Known: TypeAlias = Callable[[str, Sequence[ObjectKey]], Mapping[ObjectKey, Record]]


class FolderWriter:
    """Writes the entries of one destination as files below a folder."""

    def __init__(self, context: DestinationContext, folder: Path, known: Known) -> None:
        """`known`: what a daemon's journal has on objects, since its files are encrypted once and for all."""
        self._destination = context.destination
        self._name = context.name
        self._lead = f"{context.root}/".lstrip("/")
        self._folder = folder
        self._queue = Queue(context)
        self._journal = context.journal
        self._known = known
        self._companions = context.companions
        self._files: set[str] = set()

    def drain(self) -> None:
        """Write what is journaled, then return from `run`."""
        self._queue.drain()

    async def run(self, ready: Callable[[], Awaitable[None]]) -> None:
        """Write until drained; StalledError when the folder cannot be written."""
        await ready()
        while plans := await self._queue.next():
            entries = [entry for plan in plans for entry in plan.entries]
            edits = await self._edits(entries)
            await trio.to_thread.run_sync(self._write_edits, edits)
            await self._journal.ack(self._name, [entry.seq for entry in entries], "")
            log.info("files written", destination=self._name, files=len(entries), folder=str(self._folder))
        if self._companions is not None:
            await trio.to_thread.run_sync(self._write_companions, self._companions)

    async def _edits(self, entries: Sequence[Entry]) -> list[Edit]:
        keys = [entry.key for entry in entries]
        records = await self._journal.records(self._name, keys)
        sealed = [key for key, record in records.items() if record.sealed is not None]
        known = await trio.to_thread.run_sync(self._known, self._name, sealed) if sealed else {}
        edits: list[Edit] = []
        for entry in entries:
            edits += [Edit(entry.previous_path, None)] if entry.previous_path else []
            edits.append(_as_in_the_branch(entry.edit, records.get(entry.key), known.get(entry.key)))
        return edits

    def _write_edits(self, edits: Sequence[Edit]) -> None:
        try:
            for edit in edits:
                target = self._folder / edit.path
                self._refuse_links(target)
                if edit.content is None:
                    self._remove(target)
                    self._files.discard(edit.path)
                else:
                    _write_file(target, edit.content)
                    self._files.add(edit.path)
        except OSError as error:
            raise StalledError("FolderUnwritable", f"{error.filename}: {error.strerror}") from error

    def _remove(self, target: Path) -> None:
        """The file, and the folders that it leaves empty: Git has none of these either."""
        target.unlink(missing_ok=True)
        with suppress(OSError):
            for folder in target.parents:
                if folder == self._folder:
                    return
                folder.rmdir()

    def _refuse_links(self, target: Path) -> None:
        for path in (target, *target.parents):
            if path == self._folder:
                return
            if path.is_symlink():
                raise StalledError("UnsafePath", f"{path} is a symbolic link", hint="remove it first")

    def _write_companions(self, source: CompanionSource) -> None:
        """What plugins keep beside our files; what they wrote at an earlier run is nobody else's."""
        lead = self._lead
        files = sorted(path[len(lead) :] for path in self._files)
        root = self._folder / lead
        there = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
        with left_out("companions", self._name):
            theirs = source.companions(files, files, self._destination, ()).keys()
            others = sorted(there - set(files) - theirs)
            wanted = source.companions(files, files, self._destination, others)
            self._write_edits(
                [edit for path, text in wanted.items() for edit in self._companion_edits(lead + path, text)]
            )

    def _companion_edits(self, path: str, text: str | None) -> list[Edit]:
        try:
            paths.check(path, self._lead.rstrip("/"))
        except WithheldError as error:
            log.warning(
                "plugin's file is not written", destination=self._name, path=path, error=error.message
            )
            return []
        return [] if path in self._files else [Edit(path, None if text is None else text.encode())]


def _as_in_the_branch(edit: Edit, record: Record | None, known: Record | None) -> Edit:
    """Encrypting the same again gives other bytes: where the daemon has done it, its file stands."""
    sealed, before = record and record.sealed, known and known.sealed
    if edit.content is None or not sealed or not before or sealed.fingerprint != before.fingerprint:
        return edit
    return msgspec.structs.replace(edit, content=before.content) if before.content else edit


def _write_file(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(PARTIAL)
    try:
        partial.write_bytes(content)
        partial.replace(target)
    except OSError:
        partial.unlink(missing_ok=True)
        raise
