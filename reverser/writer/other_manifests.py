"""The files of others in the branch, the objects that they describe, and updates from one head to the next.

The first head is read completely, after that only the difference between two heads: pushes of others to a
branch with thousands of manifests cost as much as what they change. Contents are not stored, only the objects
that they describe (`manifest.object_index`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

import trio

from reverser.errors import TransientError
from reverser.layout.paths import folders
from reverser.manifest.object_index import DescribedObject, Description, ObjectIndex
from reverser.manifest.scanner import Identity, Manifest, read, scanned
from reverser.model.repository import Repository
from reverser.unexpected_errors import left_out
from reverser.writer.file_owner import Files
from reverser.writer.read_in_parts import contents, turns

MANIFEST_SUFFIXES = (".yaml", ".yml", ".json", "/Kustomization")
REGULAR = ("100644", "100755")
MANIFEST_BYTES_MOST = 16 * 1024 * 1024
"""A larger file is taken for one that describes nothing."""

File: TypeAlias = tuple[str, str]
"""(mode, blob id)"""


class OtherManifests:
    """Everything in the branch that is not ours, under the head of the last `move`."""

    def __init__(self, repository: Repository, root: str) -> None:
        """`root`: the folder whose manifests are read."""
        self._repository = repository
        self._root = f"{root}/" if root else ""
        self._ours: frozenset[str] = frozenset()
        self._missing: frozenset[str] | set[str] = frozenset()
        """Paths of ours that the branch does not have."""
        self.daemons: Mapping[str, str] = {}
        """path -> cluster of another daemon whose file it is; "" for a person's where ours was before."""
        self.theirs: Mapping[str, str] = {}
        """The same, with the files of people that another daemon edits."""
        self._reset()

    async def move(self, head: str, ours: Iterable[str], owners: Files | None = None) -> None:
        """Look at what is new in the branch; `ours` are the paths that we have written.

        `owners`: as the history tells them. Files of other daemons describe nothing to us.
        """
        owners = owners or Files()
        self.daemons, self.theirs = owners.others, owners.theirs()
        wanted = frozenset(ours)
        self._restore()
        changed = await self._changed(head, wanted)
        self._missing = (self._missing & wanted) | (wanted - self._ours)
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

    @property
    def any(self) -> bool:
        """Whether there is any file of somebody else."""
        return bool(self._files)

    def is_own(self, path: str) -> bool:
        """Whether a path is one of ours, and the branch has it."""
        return path in self._ours and path not in self._missing

    def describing(self, identity: Identity) -> list[Description]:
        """All places that describe an object."""
        return self._descriptions.find(identity)

    def described_objects(self) -> list[DescribedObject]:
        """Every object that files of others describe."""
        return self._descriptions.report()

    async def edited(self, path: str, content: bytes | None) -> None:
        """On top of the head, we gave a file of somebody else another content (None: removed it)."""
        self._saved.setdefault(path, self._descriptions.manifest(path))
        if content is None:
            self._descriptions.update(path, None)
        else:
            self._index(await trio.to_thread.run_sync(_scan, {path: content}, abandon_on_cancel=True))

    def described(self, path: str) -> Manifest | None:
        """What is known of a file of somebody else, for `describe`."""
        return self._descriptions.manifest(path)

    def describe(self, path: str, manifest: Manifest | None) -> None:
        """Take an edit back: the file is what it was."""
        self._descriptions.update(path, manifest)

    def _reset(self) -> None:
        self._head = ""
        self._files: dict[str, File] = {}
        self._folders: Counter[str] = Counter()
        self._missing = self._ours
        self._descriptions = ObjectIndex()
        self._saved: dict[str, Manifest | None] = {}
        """What files described before we edited them."""

    def _restore(self) -> None:
        """Our edits may not have reached the branch; those that did are among what differs."""
        for path, manifest in self._saved.items():
            self._descriptions.update(path, manifest)
        self._saved = {}

    async def _changed(self, head: str, ours: frozenset[str]) -> Mapping[str, File | None]:
        """What is to be looked at again: all of it where no earlier head is known."""
        if self._head and head:
            changed = await self._differing(head)
            if changed is not None and self._ours - ours <= changed.keys():
                return {path: self._files[path] for path in ours & self._files.keys()} | changed
        self._reset()
        return await self._repository.tree(head) if head else {}

    async def _differing(self, head: str) -> dict[str, File | None] | None:
        """None: the earlier commit may be gone, after a history was rewritten."""
        try:
            return await self._repository.changed(self._head, head)
        except TransientError:
            return None

    def _replace(self, changed: Mapping[str, File | None]) -> Iterator[tuple[str, str]]:
        """Take the new state of these paths over; path and blob of each file of others among them."""
        missing = set(self._missing)
        for path, file in changed.items():
            self._forget_file(path)
            own = path in self._ours and file is not None and file[0] in REGULAR
            (missing.discard if own or path not in self._ours else missing.add)(path)
            if file is not None and not own:
                self._files[path] = file
                self._folders.update(folders(path))
                yield path, file[1]
        self._missing = missing

    def _forget_file(self, path: str) -> None:
        if self._files.pop(path, None) is None:
            return
        self._folders.subtract(folders(path))
        self._descriptions.update(path, None)

    def _is_manifest(self, path: str) -> bool:
        regular = self._files[path][0] in REGULAR
        readable = regular and not self.daemons.get(path)
        return readable and path.startswith(self._root) and f"/{path}".endswith(MANIFEST_SUFFIXES)

    async def _read(self, manifests: Mapping[str, str]) -> None:
        """Learn what these files describe; path -> blob."""
        for turn in await turns(self._repository, manifests, MANIFEST_BYTES_MOST):
            files = await contents(self._repository, manifests, turn)
            self._index(await trio.to_thread.run_sync(_scan, files, abandon_on_cancel=True))

    def _index(self, manifests: Mapping[str, Manifest]) -> None:
        for path, manifest in manifests.items():
            self._descriptions.update(path, manifest)


def _scan(contents: Mapping[str, bytes]) -> dict[str, Manifest]:
    """A bug about a file is no reason for a second file of its object: its name is found by lines."""
    manifests: dict[str, Manifest] = {}
    for path, content in contents.items():
        with left_out("file", path):
            manifests[path] = read(path, content)
        if path not in manifests:
            with left_out("file", path):
                manifests[path] = scanned(content)
    return manifests
