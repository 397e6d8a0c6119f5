"""One destination's bare repository and its remote branch, as `model.repository.Repository`.

Commits go to a staging ref that is ours alone; the remote branch is the only one that counts, so
nothing else is kept in step here. Whoever writes gets ids whose objects other git processes see.
The index of the last written commit is kept between writes: going on costs nothing, starting from
another parent costs one listing of its tree.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeAlias

import trio

from reverser.config.value_formats import parse_duration
from reverser.errors import TransientError
from reverser.git import fastimport, history, objects
from reverser.git.fastimport import FastImport
from reverser.git.housekeeping import Prepared, Repacker, UnreachableObjects, prepare
from reverser.git.notes import annotate
from reverser.git.objects import Index
from reverser.git.process import Git
from reverser.git.remote import Ask, Remote, fetch, push
from reverser.git.signing import Signer
from reverser.model.commit import Commit, PushResult
from reverser.model.destination import Destination
from reverser.model.entry import Edit
from reverser.model.repository import Landed, Repository

Observe: TypeAlias = Callable[[str, float, bool], None]
"""Told of each operation: its name, its seconds, whether it went well."""

Planned: TypeAlias = tuple[Commit, list[Edit]]

COMMITS_PER_PROCESS = 20_000
"""fast-import remembers every object that it wrote; a new one forgets."""

COMMITS_PER_TURN = 100
"""How many commits are worked out before other tasks get their turn."""

BATCHES_KNOWN = 100


def _unobserved(operation: str, seconds: float, ok: bool) -> None:
    del operation, seconds, ok


@asynccontextmanager
async def open_repository(
    folder: Path,
    destination: Destination,
    *,
    observe: Observe = _unobserved,
    silent_seconds: float | None = None,
    login: Ask | None = None,
) -> AsyncIterator[Repository]:
    """The bare repository in `folder`, made when it is missing; its children end with the block.

    `silent_seconds`: how long the remote may make no progress, instead of the destination's `timeout`;
    `login` tells how to log in. StalledError: folder or git cannot be used.
    """
    git = Git(folder)
    prepared = await prepare(git)
    signer = None if destination.signing is None else Signer(git, destination.signing)
    if silent_seconds is None:
        silent_seconds = parse_duration(destination.timeout)
    repository = GitRepository(Remote(git, destination, silent_seconds, login), prepared, observe, signer)
    try:
        yield repository
    finally:
        await repository.close()


class GitRepository:
    """The implementation; made by `open_repository`."""

    def __init__(
        self, remote: Remote, prepared: Prepared, observe: Observe, signer: Signer | None = None
    ) -> None:
        self._git = remote.git
        self._remote = remote
        self._staging = prepared.staging
        self._unreachable = UnreachableObjects(self._git, leftover=prepared.leftover)
        self._observe = observe
        self._import = FastImport(self._git)
        self._signer = signer
        self._repacker = Repacker(self._git, observe)
        self._lock = trio.Lock()
        self._index: tuple[str, Index] | None = None
        self._parents: dict[str, str] = {}
        """The newest commit of each of the last batches -> what the batch was written on."""
        self._commits = 0
        self._unpushed = 0

    async def fetch(self) -> str:
        with self._observed("fetch"):
            head = await fetch(self._remote)
        if self._unreachable.many:
            async with self._lock:
                await self._drop_unreachable()
        return head

    async def landed(self, since: str, head: str) -> list[Landed]:
        return await history.landed(self._git, since, head)

    async def is_ancestor(self, old: str, head: str) -> bool:
        return await history.is_ancestor(self._git, old, head)

    async def write(self, commits: Sequence[Commit], parent: str) -> list[str]:
        async with self._lock:
            with self._observed("write"):
                return await self._write(commits, parent)

    async def push(self, head: str, parent: str) -> PushResult:
        started = trio.current_time()
        commits, self._unpushed = self._unpushed, 0
        await self._check_descent(head, parent)
        result = await push(self._remote, head, parent, commits)
        if result.landed:
            self._unreachable.landed(head)
        self._observe("push", trio.current_time() - started, result.landed)
        return result

    async def _check_descent(self, head: str, parent: str) -> None:
        """A push on exactly `parent` would replace it, if `head` did not descend from it."""
        oldest = head
        while oldest != parent and oldest in self._parents:
            oldest = self._parents[oldest]
        if parent and oldest != parent and not await history.is_ancestor(self._git, parent, head):
            raise ValueError(f"{head} does not descend from {parent}")

    async def annotate(self, texts: Mapping[str, str], committer: str, now: float) -> PushResult:
        with self._observed("annotate"):
            return await annotate(self._remote, texts, committer, now, self._signer, self._lock)

    async def tree(self, commit: str) -> dict[str, tuple[str, str]]:
        return await objects.tree(self._git, commit)

    async def changed(self, old: str, new: str) -> dict[str, tuple[str, str] | None]:
        return await objects.changed(self._git, old, new)

    async def at(self, paths: Sequence[tuple[str, str]]) -> list[str]:
        return await objects.at(self._git, paths)

    async def sizes(self, ids: Sequence[str]) -> dict[str, int]:
        return await objects.sizes(self._git, ids)

    async def blobs(self, ids: Sequence[str]) -> dict[str, bytes]:
        return await objects.blobs(self._git, ids)

    async def close(self) -> None:
        """End all children."""
        with trio.CancelScope(shield=True):
            await self._import.close()
            await self._repacker.close()
            if self._signer is not None:
                await self._signer.close()

    async def _write(self, commits: Sequence[Commit], parent: str) -> list[str]:
        index = await self._index_of(parent)
        self._index = None
        plan: list[Planned] = []
        for number, commit in enumerate(commits):
            if number % COMMITS_PER_TURN == 0:
                await trio.lowlevel.checkpoint()
            plan.append((commit, index.apply(commit.edits)))
        unsigned = await self._import_plan([each for each in plan if _is_written(*each)], parent)
        new_ids = iter(unsigned if self._signer is None else await self._signed(unsigned, parent))
        ids, head = [], parent
        for commit, edits in plan:
            head = next(new_ids) if _is_written(commit, edits) else head
            ids.append(head)
        self._index = (head, index)
        self._remember(head, parent)
        if head != parent:
            self._unreachable.written(head, commits)
        return ids

    def _remember(self, head: str, parent: str) -> None:
        if head != parent:
            self._parents[head] = parent
        for old in [*self._parents][:-BATCHES_KNOWN]:
            del self._parents[old]

    async def _signed(self, ids: Sequence[str], parent: str) -> list[str]:
        assert self._signer is not None
        signed = await self._signer.signed(ids, parent)
        if signed:
            await self._git.output("update-ref", self._staging, signed[-1])
        self._unreachable.copied(len(signed))
        return signed

    async def _drop_unreachable(self) -> None:
        """Children that know where objects were are ended first."""
        started = trio.current_time()
        await self._import.close()
        await self._repacker.close()
        if self._signer is not None:
            self._signer.forget()
        self._index = None
        self._observe("drop", trio.current_time() - started, await self._unreachable.drop())

    async def _index_of(self, commit: str) -> Index:
        if self._index is not None and self._index[0] == commit:
            return self._index[1]
        if self._index is not None and commit and await self._follow(*self._index, commit):
            return self._index[1]
        output = await objects.listing(self._git, commit) if commit else b""
        return await trio.to_thread.run_sync(lambda: Index(objects.parse_listing(output)))

    async def _follow(self, known: str, index: Index, commit: str) -> bool:
        """Bring the index from one commit to another; False when the one is not there any more."""
        if not known:
            return False
        try:
            index.follow(await objects.changed(self._git, known, commit))
        except TransientError:
            return False
        return True

    async def _import_plan(self, plan: Sequence[Planned], parent: str) -> list[str]:
        if not plan:
            return []
        try:
            ids = await self._import.exchange(self._commands(plan, parent))
        except TransientError:
            # A repack may have taken a pack away that the child was about to read; a new child
            # finds the objects where they are now. A second failure has another cause.
            ids = await self._import.exchange(self._commands(plan, parent))
        self._commits += len(plan)
        self._unpushed += len(plan)
        if await self._repacker.checkpoint() or self._commits >= COMMITS_PER_PROCESS:
            self._commits = 0
            await self._import.close()
        return ids

    def _commands(self, plan: Iterable[Planned], parent: str) -> Iterator[bytes]:
        if not parent:
            yield fastimport.orphan(self._staging)
        for mark, (commit, edits) in enumerate(plan, 1):
            yield from fastimport.commit(self._staging, mark, commit, edits, parent if mark == 1 else "")

    @contextmanager
    def _observed(self, operation: str) -> Iterator[None]:
        started, ok = trio.current_time(), False
        try:
            yield
            ok = True
        finally:
            self._observe(operation, trio.current_time() - started, ok)


def _is_written(commit: Commit, edits: list[Edit]) -> bool:
    return bool(edits) or commit.allow_empty
