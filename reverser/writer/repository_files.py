"""Files of others in the branch, and where they let us write.

A file that already describes an object is edited there, whatever its name, with its comments kept, on four
conditions: we have no file of the object, no other file describes it, no other daemon edits it there, and the
file can be edited. Else the entry is withheld, since two files of one object would stop whoever applies the
folder. A file that describes something else is never overwritten and a symbolic link never followed: the
entry is withheld. When a person has edited a file of ours, the object's next change overwrites it, and the
commit names the person's commit.

Placing an entry can be undone until a commit has it: else a later edit of the same file would contain what is
withheld.

One `ExistingFiles` is valid for one branch head and our commits on top of it; when the branch moves
otherwise, a new one is made. What it knows of the head itself comes from `other_manifests`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

import msgspec
import trio

from reverser.errors import WithheldError
from reverser.layout.paths import folders
from reverser.manifest import editor
from reverser.manifest.field_changes import with_all_along
from reverser.manifest.object_index import Description
from reverser.manifest.scanner import Identity
from reverser.model.entry import Edit, Entry
from reverser.model.repository import Repository
from reverser.model.resource import ObjectKey
from reverser.writer.file_owner import refused
from reverser.writer.other_manifests import REGULAR, OtherManifests

K = TypeVar("K")
V = TypeVar("V")


class Placed(msgspec.Struct, frozen=True):
    """Where one entry's edit really goes."""

    edits: tuple[Edit, ...]
    overwrote: str = ""
    """The commit of the person whose edit this one replaces."""
    adopted: str = ""
    """The file of a person that is edited, or that says all of it at the path that ours would have."""
    changed: bool = False
    """Whether the edit makes a difference to that file."""


class ExistingFiles:
    """The files of others under one branch head, and what our commits on top of it make of them."""

    def __init__(
        self, repository: Repository, others: OtherManifests, touched: Mapping[str, str], root: str = ""
    ) -> None:
        """`root`: the destination's folder."""
        self._root = root
        self._repository = repository
        self._others = others
        self._touched = dict(touched)
        self._edited: dict[str, bytes | None] = {}
        """Files of others that we have edited: their content now, None for those that are gone."""
        self._own: dict[str, bool] = {}
        """Paths of ours that we have written (True) or removed since."""
        self._given_up: dict[ObjectKey, int] = {}
        """Objects of which an entry was withheld -> the entry that comes next, 0 before it came."""
        self._undo: list[Callable[[], None]] = []
        """What takes back what was placed since the last `commit_placed`, the oldest first."""

    @property
    def daemons(self) -> Mapping[str, str]:
        """Files of other daemons, as in `writer.file_owner.Files.others`."""
        return self._others.daemons

    def standing(self, entry: Entry) -> str:
        """Where our file of the entry's object stands before the entry lands; "" when it has none."""
        return next(filter(self._is_own, (entry.previous_path, entry.edit.path)), "")

    async def place_entry(self, entry: Entry) -> Placed:
        """Where the entry's edit goes; WithheldError when it can go nowhere, and then nothing has changed."""
        before = len(self._undo)
        try:
            return await self._place_guarded(entry)
        except Exception:
            self.take_back(before)
            raise

    def give_up(self, entry: Entry) -> None:
        """The entry is withheld."""
        self._given_up[entry.key] = 0

    def with_missed_fields(self, entry: Entry) -> Entry:
        """The entry, with the fields that an earlier, withheld entry should have brought along."""
        following = self._given_up.get(entry.key)
        if following is None:
            return entry
        if following == 0:
            self._given_up[entry.key] = following = entry.seq
        return with_all_along(entry) if following == entry.seq else entry

    def commit_placed(self) -> None:
        """A commit has what was placed so far, which cannot be undone any more."""
        self._undo.clear()

    def take_back(self, before: int = 0) -> None:
        """Forget what was placed since the last `commit_placed`."""
        while len(self._undo) > before:
            self._undo.pop()()

    async def _place_guarded(self, entry: Entry) -> Placed:
        moved = {entry.previous_path} if self._is_own(entry.previous_path) else set()
        placed = await self._place_unguarded(entry)
        # The last guard: no edit outside of our folder, none of another daemon's file.
        for edit in placed.edits:
            if why := refused(edit, self._root, self._others.theirs, moved):
                raise WithheldError("NotOurs", why, key=entry.key)
        return placed

    def _is_own(self, path: str) -> bool:
        """Whether a path is a file of ours that is there."""
        return self._own.get(path, self._others.is_own(path))

    async def _place_unguarded(self, entry: Entry) -> Placed:
        moved = self._removal_of_previous(entry)
        alone = not self._others.any
        if not (alone or self._is_own(entry.edit.path) or self._is_own(entry.previous_path)):
            descriptions = self._others.describing(_identity(entry))
            if descriptions:
                return await self._adopt(entry, descriptions, moved)
        try:
            if not alone:
                self._check_path(entry)
        except WithheldError:
            if entry.edit.content is None:
                return Placed(moved)  # what stands there now is not ours: there is nothing to remove
            raise
        self._set_undoable(self._own, entry.previous_path, value=False)
        self._set_undoable(self._own, entry.edit.path, value=entry.edit.content is not None)
        overwrote = self._touched.get(entry.edit.path, "")
        if overwrote:
            self._set_undoable(self._touched, entry.edit.path, "")
        return Placed((*moved, entry.edit), overwrote)

    def _removal_of_previous(self, entry: Entry) -> tuple[Edit, ...]:
        previous = entry.previous_path
        return (Edit(previous, None),) if self._is_own(previous) else ()

    async def _adopt(self, entry: Entry, descriptions: list[Description], moved: tuple[Edit, ...]) -> Placed:
        described = _only_description(descriptions)
        path, wanted = described.path, entry.edit.content
        if described.reason:
            raise WithheldError(
                described.reason, f"{path!r} describes the object, and {described.why}", key=entry.key
            )
        existing = await self._content(path)
        try:
            content = await trio.to_thread.run_sync(
                _edited, existing, described.index, wanted, abandon_on_cancel=True
            )
        except WithheldError as error:
            message = f"{path!r} describes the object: {error.message}"
            raise WithheldError(error.reason, message, key=entry.key) from error
        if cluster := self._others.theirs.get(path):
            if content in (existing, None) or wanted is None:
                return Placed(moved)  # it goes on to describe the other daemon's object
            why = f"{path!r} describes the object, and another daemon edits it, for the cluster {cluster}"
            raise WithheldError("PathTaken", why, key=entry.key)
        self._set_undoable(self._edited, path, content)
        before = self._others.described(path)
        self._undo.append(partial(self._others.describe, path, before))
        await self._others.edited(path, content)
        changed = content != existing
        adopted = path if changed or path == entry.edit.path else ""
        return Placed((*moved, Edit(path, content)), adopted=adopted, changed=changed)

    def _set_undoable(self, there: dict[K, V], key: K, value: V) -> None:
        """Change a row in a way that can be taken back."""
        if key in there:
            self._undo.append(partial(there.__setitem__, key, there[key]))
        else:
            self._undo.append(partial(_delete_key, there, key))
        there[key] = value

    async def _content(self, path: str) -> bytes:
        known = self._edited.get(path)
        if known is not None:
            return known
        file = self._others.file(path)
        assert file is not None
        return (await self._repository.blobs([file[1]]))[file[1]]

    def _mode(self, path: str) -> str | None:
        """The mode of somebody else's file; None when there is none, or none any more."""
        file = self._others.file(path)
        removed = path in self._edited and self._edited[path] is None
        return None if file is None or removed else file[0]

    def _check_path(self, entry: Entry) -> None:
        path = entry.edit.path
        for taken in (*folders(path), path):
            mode = self._mode(taken)
            if mode is None:
                continue
            if mode not in REGULAR:
                what = "a symbolic link" if mode == "120000" else "a submodule"
                raise WithheldError("UnsafePath", f"{taken!r} in the repository is {what}", key=entry.key)
            if cluster := self._others.daemons.get(taken):
                why = f"{taken!r} is the file of another daemon, which writes the cluster {cluster}"
                raise WithheldError("PathTaken", why, key=entry.key)
            raise WithheldError("PathTaken", f"{taken!r} is somebody else's file", key=entry.key)
        if self._others.is_folder(path):
            raise WithheldError("PathTaken", f"{path!r} is a folder with files of others", key=entry.key)


def _delete_key(there: dict[K, V], key: K) -> None:
    del there[key]


def _only_description(descriptions: list[Description]) -> Description:
    """The only one; WithheldError when there are several."""
    if len(descriptions) > 1:
        named = " and ".join(repr(each.path) for each in descriptions[:2])
        more = f" and {len(descriptions) - 2} more" if len(descriptions) > 2 else ""
        raise WithheldError("Ambiguous", f"{named}{more} describe the object")
    return descriptions[0]


def _edited(existing: bytes, index: int, wanted: bytes | None) -> bytes | None:
    if wanted is None:
        return editor.remove(existing, index)
    return editor.edit(existing, index, editor.parse(wanted))


def _identity(entry: Entry) -> Identity:
    return Identity(entry.key.group, entry.kind, entry.key.namespace, entry.key.name)
