"""Reads trees and blobs. Git's paths are any bytes; here they are UTF-8, with escapes for bytes that are not.

`Index` has the files of one commit, and follows the commits that are written on top of it. It tells an edit
that changes something from one that does not before anything is written, since Git would make an empty
commit of the latter. As in fast-import, a file replaces a folder of its name, and a folder a file. Of a
regular file the index has the blob id; of anything else (symlink, executable) only that it is something
else, which every edit changes.

The road not taken: asking fast-import (`ls`) costs a round trip a commit or a walk through the tree a path,
430 commits/s instead of 2,000.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import trio

from reverser.errors import TransientError
from reverser.git.process import Git
from reverser.layout.paths import folders
from reverser.model.entry import Edit


def text(path: bytes) -> str:
    """A path as the rest of the program sees it."""
    return path.decode("utf-8", "surrogateescape")


async def tree(git: Git, commit: str) -> dict[str, tuple[str, str]]:
    """path -> (mode, object id) of every file of a commit."""
    output = await listing(git, commit)
    return await trio.to_thread.run_sync(
        lambda: {path: (mode, blob) for path, mode, blob in parse_listing(output)}
    )


async def listing(git: Git, commit: str) -> bytes:
    """Every file of a commit, for `parse_listing`."""
    return await git.output("ls-tree", "-r", "-z", "--full-tree", commit)


def parse_listing(output: bytes) -> Iterator[tuple[str, str, str]]:
    """(path, mode, object id) of each row."""
    for row in output.split(b"\0")[:-1]:
        facts, _, path = row.partition(b"\t")
        mode, _, blob = facts.decode().split(" ")
        yield text(path), mode, blob


async def changed(git: Git, old: str, new: str) -> dict[str, tuple[str, str] | None]:
    """path -> (mode, object id) in `new` of every file that differs between two commits; None: it is gone."""
    options = ("-r", "-z", "--raw", "--no-renames", "--no-ext-diff", "--full-index")
    output = await git.output("diff-tree", *options, old, new)
    return await trio.to_thread.run_sync(lambda: dict(_parse_changes(output)))


def _parse_changes(output: bytes) -> Iterator[tuple[str, tuple[str, str] | None]]:
    fields = output.split(b"\0")[:-1]
    for facts, path in zip(fields[::2], fields[1::2], strict=True):
        _, mode, _, blob, status = facts.decode().split(" ")
        yield text(path), None if status == "D" else (mode, blob)


async def at(git: Git, paths: Sequence[tuple[str, str]]) -> list[str]:
    """The blob id at each (commit, path); "" where there is none, or no line can hold the path."""
    named = [each for each in paths if "\n" not in each[1]]
    if not named:
        return [""] * len(paths)
    stdin = b"".join(f"{commit}:{path}\n".encode("utf-8", "surrogateescape") for commit, path in named)
    output = await git.output("cat-file", "--batch-check=%(objecttype) %(objectname)", stdin=stdin)
    rows = [row.split(b" ") for row in output.split(b"\n")[:-1]]
    ids = {
        each: row[1].decode() if len(row) == 2 and row[0] == b"blob" else ""
        for each, row in zip(named, rows, strict=True)
    }
    return [ids.get(each, "") for each in paths]


async def sizes(git: Git, ids: Sequence[str]) -> dict[str, int]:
    """The bytes of each of these blobs."""
    check = ("cat-file", "--batch-check=%(objectname) %(objectsize)")
    stdin = "".join(f"{blob}\n" for blob in dict.fromkeys(ids)).encode()
    rows = [row.split(" ") for row in (await git.output(*check, stdin=stdin)).decode().splitlines()]
    for blob, size in rows:
        if not size.isdigit():
            raise TransientError(f"the object {blob} is missing")
    return {blob: int(size) for blob, size in rows}


async def blobs(git: Git, ids: Sequence[str]) -> dict[str, bytes]:
    """The contents of blobs."""
    wanted = list(dict.fromkeys(ids))
    if not wanted:
        return {}
    output = await git.output("cat-file", "--batch", stdin="".join(f"{blob}\n" for blob in wanted).encode())
    contents, offset = {}, 0
    for blob in wanted:
        header, _, _ = output[offset : offset + 200].partition(b"\n")
        name, kind, *size = header.decode().split(" ")
        if kind == "missing" or not size:
            raise TransientError(f"the object {name} is missing")
        offset += len(header) + 1
        contents[blob] = output[offset : offset + int(size[0])]
        offset += int(size[0]) + 1
    return contents


OTHER = b""


class Index:
    """The files of a commit, by path."""

    def __init__(self, rows: Iterable[tuple[str, str, str]] = ()) -> None:
        self._files = {path: _digest_of_plain_file(mode, blob) for path, mode, blob in rows}
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
        for path, file in changed.items():
            if file is not None:
                self._files[path] = _digest_of_plain_file(*file)
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


def _digest_of_plain_file(mode: str, blob: str) -> bytes:
    return bytes.fromhex(blob) if mode == "100644" else OTHER
