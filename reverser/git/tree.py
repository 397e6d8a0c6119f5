"""What the tree of one commit holds, kept in step with the commits that are written on top of it.

It tells an edit that changes something from one that does not, before anything is written: Git
would make an empty commit of the latter. It follows fast-import where a file takes the place of a
folder, or a folder that of a file. Of each regular file it keeps the blob id alone, of anything
else (symlink, executable) that it is something else: an edit always changes that.

The road not taken: asking fast-import (`ls`) costs a round trip a commit or a walk through the
tree a path, 430 commits/s instead of 2,000.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping

from reverser.layout.paths import folders
from reverser.model.entry import Edit

OTHER = b""


class Index:
    """The files of a commit, by path."""

    def __init__(self, rows: Iterable[tuple[str, str, str]] = ()) -> None:
        self._files = {path: _kept(mode, blob) for path, mode, blob in rows}
        self._folders = Counter(folder for path in self._files for folder in folders(path))

    def apply(self, edits: Iterable[Edit]) -> list[Edit]:
        """Apply the edits of one commit; those that change something. The last edit of a path wins."""
        last: dict[str, Edit] = {}
        for edit in edits:
            last.pop(edit.path, None)
            last[edit.path] = edit
        return [edit for edit in last.values() if self._apply(edit)]

    def follow(self, changed: Mapping[str, tuple[str, str] | None]) -> None:
        """Become the index of another commit, of which this differs: path -> (mode, blob), None: no file."""
        for path in changed:
            self._remove(path)
        for path, found in changed.items():
            if found is not None:
                self._files[path] = _kept(*found)
                self._folders.update(folders(path))

    def _apply(self, edit: Edit) -> bool:
        if edit.content is None:
            return self._remove(edit.path)
        blob = hashlib.sha1(b"blob %d\0" % len(edit.content) + edit.content, usedforsecurity=False).digest()
        if self._files.get(edit.path) == blob:
            return False
        if edit.path not in self._files:
            self._make_room(edit.path)
            self._folders.update(folders(edit.path))
        self._files[edit.path] = blob
        return True

    def _remove(self, path: str) -> bool:
        if self._files.pop(path, None) is None:
            return False
        for folder in folders(path):
            self._folders[folder] -= 1
        return True

    def _make_room(self, path: str) -> None:
        for folder in folders(path):
            self._remove(folder)
        if self._folders[path]:
            for below in [each for each in self._files if each.startswith(f"{path}/")]:
                self._remove(below)


def _kept(mode: str, blob: str) -> bytes:
    return bytes.fromhex(blob) if mode == "100644" else OTHER
