"""What is in the branch beside our own files, and how it bounds where we may write.

A file that already describes an object is where that object is edited, whatever it is called,
with its comments kept. A file that describes something else is never overwritten, a symbolic link
never followed: the entry is withheld. A file of ours that a person has edited is overwritten at
the object's next change, and the commit says whose edit that was.

One `Foreign` is true for one branch head and everything written on top of it; whenever the branch
moved otherwise, a new one is made. What it knows of the head itself comes from `others`.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import trio

from reverser.errors import WithheldError
from reverser.model.entry import Edit, Entry
from reverser.model.ports import Repository
from reverser.stages import adopt
from reverser.stages.manifest import Identity, identities
from reverser.stages.paths import folders
from reverser.writer.others import REGULAR, Others


class Placed(msgspec.Struct, frozen=True):
    """Where one entry's edit really goes."""

    edits: tuple[Edit, ...]
    overwrote: str = ""
    """The commit of the person whose edit this one replaces."""


class Foreign:
    """The files of others under one branch head, and what our commits on top of it make of them."""

    def __init__(self, repository: Repository, others: Others, touched: Mapping[str, str]) -> None:
        self._repository = repository
        self._others = others
        self._touched = dict(touched)
        self._edited: dict[str, bytes | None] = {}
        """Files of others that we have edited: their content now, None for those that are gone."""
        self._described: dict[Identity, tuple[str, int]] = {}
        """What the edited ones describe now."""

    async def place(self, entry: Entry) -> Placed:
        """Where the entry's edit goes; WithheldError when it can go nowhere."""
        moved = self._moved(entry)
        found = self._describing(_identity(entry))
        if found is not None:
            return Placed((*moved, await self._adopted(entry, *found)))
        try:
            self._check(entry)
        except WithheldError:
            if entry.edit.content is None:
                return Placed(moved)  # what stands there now is not ours: there is nothing to remove
            raise
        return Placed((*moved, entry.edit), self._touched.pop(entry.edit.path, ""))

    def _describing(self, identity: Identity) -> tuple[str, int] | None:
        """Where an object is described now: the first of several places."""
        edited = self._described.get(identity)
        places = [place for place in self._others.describing(identity) if place[0] not in self._edited]
        return min([*places, *([edited] if edited else [])], default=None)

    def _moved(self, entry: Entry) -> tuple[Edit, ...]:
        previous = entry.previous_path
        return (Edit(previous, None),) if previous and self._mode(previous) is None else ()

    async def _adopted(self, entry: Entry, path: str, index: int) -> Edit:
        existing, wanted = await self._content(path), entry.edit.content
        if wanted is None:
            content = await trio.to_thread.run_sync(adopt.remove, existing, index, abandon_on_cancel=True)
        else:
            content = await trio.to_thread.run_sync(_edited, existing, index, wanted, abandon_on_cancel=True)
        self._remember(path, content)
        return Edit(path, content)

    async def _content(self, path: str) -> bytes:
        known = self._edited.get(path)
        if known is not None:
            return known
        file = self._others.file(path)
        assert file is not None
        return (await self._repository.blobs([file[1]]))[file[1]]

    def _remember(self, path: str, content: bytes | None) -> None:
        """A file says something else now; when one document of it is gone, the others have moved up."""
        for gone in [identity for identity, (where, _) in self._described.items() if where == path]:
            del self._described[gone]
        self._edited[path] = content
        for index, identity in enumerate(identities(content) or () if content is not None else ()):
            if identity is not None:
                self._described.setdefault(identity, (path, index))

    def _mode(self, path: str) -> str | None:
        """The mode of somebody else's file; None when there is none, or none any more."""
        file = self._others.file(path)
        gone = path in self._edited and self._edited[path] is None
        return None if file is None or gone else file[0]

    def _check(self, entry: Entry) -> None:
        path = entry.edit.path
        for place in (*folders(path), path):
            mode = self._mode(place)
            if mode is None:
                continue
            if mode not in REGULAR:
                what = "a symbolic link" if mode == "120000" else "a submodule"
                raise WithheldError("UnsafePath", f"{place!r} in the repository is {what}", key=entry.key)
            raise WithheldError("PathTaken", f"{place!r} is somebody else's file", key=entry.key)
        if self._others.is_folder(path):
            raise WithheldError("PathTaken", f"{path!r} is a folder with files of others", key=entry.key)


def _edited(existing: bytes, index: int, wanted: bytes) -> bytes:
    return adopt.edit(existing, index, adopt.parse(wanted))


def _identity(entry: Entry) -> Identity:
    return Identity(entry.key.group, entry.kind, entry.key.namespace, entry.key.name)
