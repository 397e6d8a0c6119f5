"""Files that plugins keep beside ours: a list of what is in a folder, for example.

They go into the commit that changed which files there are, so that no commit is without them. Which
of them are ours the journal remembers; a file of somebody else is left alone. At the start of a session
all of them are looked at, and what is missing or out of date is one commit of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

import msgspec
import structlog

from reverser.errors import WithheldError
from reverser.model.commit import Commit
from reverser.model.destination import Destination
from reverser.model.entry import Edit
from reverser.model.ports import Journal, Repository
from reverser.stages import paths

log = structlog.get_logger()


class Companion(Protocol):
    """Who says what stands beside our files."""

    def companions(
        self, changed: Collection[str], files: Collection[str], destination: Destination
    ) -> Mapping[str, str | None]:
        """Path below the root -> text, None for a file that goes."""


class Companions:
    """Those of one destination, under one head of its branch."""

    def __init__(
        self, destination: Destination, hooks: Companion, journal: Journal, repository: Repository
    ) -> None:
        self._destination = destination
        self._hooks = hooks
        self._journal = journal
        self._repository = repository
        self._fact = f"companions/{destination.name}"
        self._lead = f"{destination.path.strip('/')}/".lstrip("/")
        self._ours: set[str] = set()
        self._files: set[str] = set()
        self._others: set[str] = set()

    async def opened(self, head: str, now: float) -> Commit | None:
        """Look at the branch; the commit that makes all companions right, None when they are."""
        tree = await self._repository.tree(head) if head else {}
        files = {record.path for record in await self._journal.all_records(self._destination.name)}
        stored = await self._journal.fact(self._fact)
        self._ours = set(msgspec.json.decode(stored, type=list[str])) if stored else set()
        self._files = files & tree.keys()
        self._others = tree.keys() - self._files - self._ours
        edits = await self._edits(self._files)
        known = {path: tree[path][1] for path in self._ours if path in tree}
        contents = await self._repository.blobs(list(known.values()))
        stale = [edit for edit in edits if contents.get(known.get(edit.path, "")) != edit.content]
        return self._commit(stale, now) if stale else None

    async def beside(self, commits: Sequence[Commit]) -> list[Commit]:
        """The commits, each with the companions of the files that it adds or removes."""
        return [await self._completed(commit) for commit in commits]

    async def _completed(self, commit: Commit) -> Commit:
        last = {edit.path: edit.content is not None for edit in commit.edits}
        ours = {path: there for path, there in last.items() if path not in self._others}
        changed = {path for path, there in ours.items() if there is (path not in self._files)}
        if not changed:
            return commit
        self._files = (self._files | {path for path in changed if last[path]}) - {
            path for path in changed if not last[path]
        }
        edits = await self._edits(changed)
        return msgspec.structs.replace(commit, edits=(*commit.edits, *edits)) if edits else commit

    async def _edits(self, changed: Iterable[str]) -> list[Edit]:
        told = self._hooks.companions(self._below(changed), self._below(self._files), self._destination)
        edits = [edit for path, text in told.items() if (edit := self._edit(path, text)) is not None]
        await self._remember({edit.path for edit in edits})
        return edits

    def _below(self, found: Iterable[str]) -> list[str]:
        return sorted(path.removeprefix(self._lead) for path in found if path.startswith(self._lead))

    def _edit(self, path: str, text: str | None) -> Edit | None:
        whole = self._lead + path
        try:
            paths.check(whole, self._lead.rstrip("/"))
        except WithheldError as error:
            log.warning("plugin's file left out", destination=self._destination.name, why=error.message)
            return None
        if whole in self._files or whole in self._others:
            why = "somebody else's file" if whole in self._others else "an object's file"
            log.warning("plugin's file left out", destination=self._destination.name, path=whole, why=why)
            return None
        if text is None and whole not in self._ours:
            return None
        return Edit(whole, None if text is None else text.encode())

    async def _remember(self, found: set[str]) -> None:
        """Before they are pushed: a file that we may have written must never seem somebody else's."""
        if not found <= self._ours:
            self._ours |= found
            await self._journal.set_fact(self._fact, msgspec.json.encode(sorted(self._ours)).decode())

    def _commit(self, edits: Sequence[Edit], now: float) -> Commit:
        committer = self._destination.committer
        count = f"{len(edits)} file" if len(edits) == 1 else f"{len(edits)} files"
        message = f"Update {count} of plugins\n"
        return Commit(committer, committer, now, now, message, tuple(edits))
