"""The files of others in the branch and the objects that they describe, kept from head to head.

The first head is read whole. After that only what differs between two heads is read: somebody who
pushes every few seconds to a branch with thousands of manifests costs us what they changed, not all of
it. Contents are not kept, only what they describe.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

import trio

from reverser.bugs import left_out
from reverser.errors import TransientError
from reverser.model.ports import Repository
from reverser.stages.manifest import Identity, identities
from reverser.stages.paths import folders

MANIFEST_SUFFIXES = (".yaml", ".yml")
REGULAR = ("100644", "100755")
MANIFEST_BYTES_MOST = 4 * 1024 * 1024
"""A larger file is taken for one that describes nothing."""
FILES_PER_TURN = 500
"""How many files are in memory at once while they are read."""

File: TypeAlias = tuple[str, str]
"""(mode, blob id)"""


class Others:
    """Everything in the branch that is not ours, under the head of the last `move`."""

    def __init__(self, repository: Repository, root: str) -> None:
        """`root`: the folder whose manifests are read."""
        self._repository = repository
        self._root = f"{root}/" if root else ""
        self._ours: frozenset[str] = frozenset()
        self._forget()

    async def move(self, head: str, ours: Iterable[str]) -> None:
        """Look at what is new in the branch; `ours` are the paths that we have written."""
        wanted = frozenset(ours)
        changed = await self._changed(head, wanted)
        self._head, self._ours = "", wanted  # a look that fails half-way leaves nothing that is known
        manifests = {path: blob for path, blob in self._replace(changed) if self._is_manifest(path)}
        await self._read(manifests)
        self._head = head

    def file(self, path: str) -> File | None:
        """The file of somebody else at a path."""
        return self._files.get(path)

    def is_folder(self, path: str) -> bool:
        """Whether files of others are below a path."""
        return self._folders[path] > 0

    def describing(self, identity: Identity) -> list[tuple[str, int]]:
        """(path, number of the document) of all that describe an object, in the order of their paths."""
        return sorted(self._described.get(identity, ()))

    def _forget(self) -> None:
        self._head = ""
        self._files: dict[str, File] = {}
        self._folders: Counter[str] = Counter()
        self._describes: dict[str, list[Identity | None]] = {}
        """path -> what each document of it describes"""
        self._described: dict[Identity, set[tuple[str, int]]] = {}

    async def _changed(self, head: str, ours: frozenset[str]) -> Mapping[str, File | None]:
        """What is to be looked at again: all of it where no earlier head is known."""
        if self._head and head:
            changed = await self._differing(head)
            if changed is not None and self._ours - ours <= changed.keys():
                return {path: self._files[path] for path in ours & self._files.keys()} | changed
        self._forget()
        return await self._repository.tree(head) if head else {}

    async def _differing(self, head: str) -> dict[str, File | None] | None:
        """None: the earlier commit may be gone, after a history was rewritten."""
        try:
            return await self._repository.changed(self._head, head)
        except TransientError:
            return None

    def _replace(self, changed: Mapping[str, File | None]) -> Iterator[tuple[str, str]]:
        """Take the new state of these paths over; path and blob of each file of others among them."""
        for path, found in changed.items():
            self._drop(path)
            if found is not None and not (path in self._ours and found[0] in REGULAR):
                self._files[path] = found
                self._folders.update(folders(path))
                yield path, found[1]

    def _drop(self, path: str) -> None:
        if self._files.pop(path, None) is None:
            return
        self._folders.subtract(folders(path))
        for index, identity in enumerate(self._describes.pop(path, ())):
            if identity is not None:
                self._described[identity].discard((path, index))
                if not self._described[identity]:
                    del self._described[identity]

    def _is_manifest(self, path: str) -> bool:
        regular = self._files[path][0] in REGULAR
        return regular and path.startswith(self._root) and path.endswith(MANIFEST_SUFFIXES)

    async def _read(self, manifests: Mapping[str, str]) -> None:
        """Learn what these files describe; path -> blob."""
        paths = [*manifests]
        for start in range(0, len(paths), FILES_PER_TURN):
            turn = paths[start : start + FILES_PER_TURN]
            contents = await self._repository.blobs([manifests[path] for path in turn], MANIFEST_BYTES_MOST)
            small = {path: contents[manifests[path]] for path in turn if manifests[path] in contents}
            for path, found in (await trio.to_thread.run_sync(_scan, small, abandon_on_cancel=True)).items():
                self._learn(path, found)

    def _learn(self, path: str, found: list[Identity | None]) -> None:
        if not any(found):
            return
        self._describes[path] = found
        for index, identity in enumerate(found):
            if identity is not None:
                self._described.setdefault(identity, set()).add((path, index))


def _scan(contents: Mapping[str, bytes]) -> dict[str, list[Identity | None]]:
    found: dict[str, list[Identity | None]] = {}
    for path, content in contents.items():
        with left_out("file", path):
            found[path] = identities(content) or []
    return found
