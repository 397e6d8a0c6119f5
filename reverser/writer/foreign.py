"""What is in the branch beside our own files, and how it bounds where we may write.

A file that already describes an object is where that object is edited, whatever it is called,
with its comments kept. A file that describes something else is never overwritten, a symbolic link
never followed: the entry is withheld. A file of ours that a person has edited is overwritten at
the object's next change, and the commit says whose edit that was.

One `Foreign` is true for one branch head and everything written on top of it; whenever the branch
moved otherwise, a new one is made.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import trio

from reverser.bugs import left_out
from reverser.errors import WithheldError
from reverser.model.entry import Edit, Entry
from reverser.model.ports import Repository
from reverser.stages import adopt
from reverser.stages.manifest import Identity, identities
from reverser.stages.paths import folders

MANIFEST_SUFFIXES = (".yaml", ".yml")
REGULAR = ("100644", "100755")
MANIFEST_BYTES_MOST = 4 * 1024 * 1024


class Placed(msgspec.Struct, frozen=True):
    """Where one entry's edit really goes."""

    edits: tuple[Edit, ...]
    overwrote: str = ""
    """The commit of the person whose edit this one replaces."""


class Foreign:
    """The files of others under one branch head."""

    def __init__(self, repository: Repository, root: str, touched: Mapping[str, str]) -> None:
        self._repository = repository
        self._root = f"{root}/" if root else ""
        self._touched = dict(touched)
        self._modes: dict[str, str] = {}
        self._folders: set[str] = set()
        self._described: dict[Identity, tuple[str, int]] = {}
        self._contents: dict[str, bytes] = {}

    async def read(self, head: str, ours: set[str]) -> None:
        """Look at the branch: everything in it that is not `ours` belongs to somebody else."""
        tree = await self._repository.tree(head) if head else {}
        blobs: dict[str, str] = {}
        for path, (mode, blob) in tree.items():
            if path in ours and mode in REGULAR:
                continue
            self._modes[path] = mode
            self._folders.update(folders(path))
            if mode in REGULAR and path.startswith(self._root) and path.endswith(MANIFEST_SUFFIXES):
                blobs[path] = blob
        await self._index(blobs)

    async def _index(self, blobs: Mapping[str, str]) -> None:
        contents = await self._repository.blobs(list(blobs.values()))
        small = {
            path: contents[blob] for path, blob in blobs.items() if len(contents[blob]) <= MANIFEST_BYTES_MOST
        }
        for path, found in (await trio.to_thread.run_sync(_scan, small, abandon_on_cancel=True)).items():
            for index, identity in enumerate(found):
                if identity is not None:
                    self._described.setdefault(identity, (path, index))
                    self._contents[path] = small[path]

    async def place(self, entry: Entry) -> Placed:
        """Where the entry's edit goes; WithheldError when it can go nowhere."""
        moved = self._moved(entry)
        found = self._described.get(_identity(entry))
        if found is not None:
            return Placed((*moved, await self._adopted(entry, *found)))
        try:
            self._check(entry)
        except WithheldError:
            if entry.edit.content is None:
                return Placed(moved)  # what stands there now is not ours: there is nothing to remove
            raise
        return Placed((*moved, entry.edit), self._touched.pop(entry.edit.path, ""))

    def _moved(self, entry: Entry) -> tuple[Edit, ...]:
        previous = entry.previous_path
        return (Edit(previous, None),) if previous and previous not in self._modes else ()

    async def _adopted(self, entry: Entry, path: str, index: int) -> Edit:
        existing, wanted = self._contents[path], entry.edit.content
        if wanted is None:
            content = await trio.to_thread.run_sync(adopt.remove, existing, index, abandon_on_cancel=True)
            self._forget(path, content)
        else:
            content = await trio.to_thread.run_sync(_edited, existing, index, wanted, abandon_on_cancel=True)
            self._contents[path] = content
        return Edit(path, content)

    def _forget(self, path: str, content: bytes | None) -> None:
        """One document of a file is gone: the others have moved up."""
        for gone in [identity for identity, (where, _) in self._described.items() if where == path]:
            del self._described[gone]
        if content is None:
            del self._contents[path], self._modes[path]
            return
        self._contents[path] = content
        for index, identity in enumerate(identities(content) or ()):
            if identity is not None:
                self._described.setdefault(identity, (path, index))

    def _check(self, entry: Entry) -> None:
        path = entry.edit.path
        for place in (*folders(path), path):
            mode = self._modes.get(place)
            if mode is None:
                continue
            if mode not in REGULAR:
                what = "a symbolic link" if mode == "120000" else "a submodule"
                raise WithheldError("UnsafePath", f"{place!r} in the repository is {what}", key=entry.key)
            raise WithheldError("PathTaken", f"{place!r} is somebody else's file", key=entry.key)
        if path in self._folders:
            raise WithheldError("PathTaken", f"{path!r} is a folder with files of others", key=entry.key)


def _scan(contents: Mapping[str, bytes]) -> dict[str, list[Identity | None]]:
    found: dict[str, list[Identity | None]] = {}
    for path, content in contents.items():
        with left_out("file", path):
            found[path] = identities(content) or []
    return found


def _edited(existing: bytes, index: int, wanted: bytes) -> bytes:
    return adopt.edit(existing, index, adopt.parse(wanted))


def _identity(entry: Entry) -> Identity:
    return Identity(entry.key.group, entry.kind, entry.key.namespace, entry.key.name)
