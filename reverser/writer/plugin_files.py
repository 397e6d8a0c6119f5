"""Companions: files that plugins write beside ours, for example a list of the files in a folder.

They go into the commit that adds or removes files, so no commit lacks them. The journal remembers which of
them are ours; when it was lost, a file counts as ours if it has the content that the plugin wants. Files of
others are left alone. At the start of a session all companions are compared with the branch, and one commit
brings in what is missing or out of date. The part of a plugin's answer that cannot be used is left out until
then; the commit goes on without it.

`SortedPaths` stays sorted while paths are added and removed one by one.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec
import structlog
import trio

from reverser.errors import WithheldError
from reverser.layout import paths
from reverser.model.commit import Commit
from reverser.model.entry import Edit
from reverser.model.repository import Repository
from reverser.unexpected_errors import left_out
from reverser.writer.destination_context import DestinationContext
from reverser.writer.read_in_parts import records


class SortedPaths:
    """A sorted set of paths."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._set = set(paths)
        self._rows = sorted(self._set)

    def __contains__(self, path: str) -> bool:
        return path in self._set

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def put(self, path: str, *, there: bool) -> None:
        """Take a path in, or out."""
        if there is (path in self._set):
            return
        if there:
            self._set.add(path)
            insort(self._rows, path)
        else:
            self._set.remove(path)
            del self._rows[bisect_left(self._rows, path)]

    def below(self, folder: str) -> bool:
        """Whether a path is inside the folder."""
        index = bisect_left(self._rows, f"{folder}/")
        return index < len(self._rows) and self._rows[index].startswith(f"{folder}/")


log = structlog.get_logger()

REGULAR = "100644"


class Companions:
    """Those of one destination, under one head of its branch."""

    def __init__(self, context: DestinationContext, repository: Repository) -> None:
        assert context.companions is not None
        self._destination = context.destination
        self._source = context.companions
        self._journal = context.journal
        self._repository = repository
        self._setting = f"companions/{context.name}"
        self._lead = f"{context.root}/".lstrip("/")
        self._ours: set[str] = set()
        self._files, self._others = SortedPaths(()), SortedPaths(())
        self._shown_others: list[str] = []
        self._logged: set[str] = set()
        self._first: Commit | None = None
        """The answer of `update_all`: while it does not land it stays the same commit, with the same time."""

    async def update_all(
        self, head: str, now: float, daemons: Mapping[str, str] | None = None
    ) -> Commit | None:
        """Look at the branch; the commit that makes all companions right, None when they are.

        `daemons`: files of other daemons (as in `writer.file_owner.Files.others`), never ours.
        """
        tree = await self._repository.tree(head) if head else {}
        files = set[str]()
        async for part in records(self._journal, self._destination.name):
            files |= {record.path for record in part if record.mark != "absent"}
        stored = await self._journal.get_setting(self._setting)
        self._files = SortedPaths(files & tree.keys())
        self._ours = set()
        with left_out("journal", self._setting):
            self._ours = set(msgspec.json.decode(stored or "[]", type=list[str]))
        self._ours -= {path for path, cluster in (daemons or {}).items() if cluster}
        self._shown_others = sorted(self._below_root(tree.keys() - files - self._ours))
        wanted = self._ask_plugins(self._files)
        blobs = {path: tree[path][1] for path in wanted if path in tree and tree[path][0] == REGULAR}
        contents = await self._repository.blobs([*blobs.values()])
        there = {path: contents[blob] for path, blob in blobs.items()}
        same = {path for path, content in there.items() if content == wanted[path]}
        await self._store_ours({path for path in same - files if not (daemons or {}).get(path)})
        self._others = SortedPaths(tree.keys() - files - self._ours)
        edits = await self._edits(wanted)
        stale = tuple(edit for edit in edits if there.get(edit.path) != edit.content)
        if self._first is None or self._first.edits != stale:
            self._first = self._commit(stale, now) if stale else None
        return self._first

    async def add_to(self, commits: Sequence[Commit]) -> list[Commit]:
        """The commits, each with the companions of the files that it adds or removes."""
        return [await self._with_companions(commit) for commit in commits]

    async def _with_companions(self, commit: Commit) -> Commit:
        last = {edit.path: edit.content is not None for edit in commit.edits}
        changed = [
            path
            for path, there in last.items()
            if path not in self._others and there is (path not in self._files)
        ]
        if not changed:
            return commit
        # A plugin may take as long as a second, and there may be a thousand commits.
        await trio.lowlevel.checkpoint()
        for path in changed:
            self._files.put(path, there=last[path])
        edits = await self._edits(self._ask_plugins(changed))
        return msgspec.structs.replace(commit, edits=(*commit.edits, *edits)) if edits else commit

    def _ask_plugins(self, changed: Iterable[str]) -> dict[str, bytes | None]:
        """Path -> content, None for a file that goes."""
        below = sorted(self._below_root(changed))
        answer: Mapping[str, str | None] = {}
        wanted: dict[str, bytes | None] = {}
        with left_out("companions", self._destination.name):
            files = self._below_root(self._files)
            answer = {**self._source.companions(below, files, self._destination, self._shown_others)}
        for path, text in answer.items():
            with left_out("companions", ascii(path)):
                path.encode()
                if not any(answer.get(folder) for folder in paths.folders(path)):
                    wanted[self._lead + path] = None if text is None else text.encode()
        return wanted

    def _below_root(self, all_paths: Iterable[str]) -> list[str]:
        if not self._lead:
            return [*all_paths]
        return [path[len(self._lead) :] for path in all_paths if path.startswith(self._lead)]

    async def _edits(self, wanted: Mapping[str, bytes | None]) -> list[Edit]:
        edits = [
            Edit(path, content)
            for path, content in wanted.items()
            if self._may_write(path) and (content is not None or path in self._ours)
        ]
        await self._store_ours({edit.path for edit in edits})
        return edits

    def _may_write(self, path: str) -> bool:
        """Whether a plugin may use the path; if not, that is logged once."""
        why = self._why_taken(path)
        if why and path not in self._logged:
            self._logged.add(path)
            log.warning(
                "plugin's file is not written", destination=self._destination.name, path=path, error=why
            )
        return not why

    def _why_taken(self, path: str) -> str:
        try:
            paths.check(path, self._lead.rstrip("/"))
        except WithheldError as error:
            return error.message
        for present, whose in ((self._files, "an object's"), (self._others, "somebody else's")):
            if path in present or present.below(path):
                return f"{whose} file, or a folder with one"
            if any(folder in present for folder in paths.folders(path)):
                return f"inside {whose} file"
        return ""

    async def _store_ours(self, written: set[str]) -> None:
        """Before they are pushed: a file that we may have written must never seem somebody else's."""
        if not written <= self._ours:
            self._ours |= written
            await self._journal.set_setting(self._setting, msgspec.json.encode(sorted(self._ours)).decode())

    def _commit(self, edits: Sequence[Edit], now: float) -> Commit:
        committer = self._destination.committer
        count = f"{len(edits)} file" if len(edits) == 1 else f"{len(edits)} files"
        message = f"Update {count} of plugins\n"
        return Commit(committer, committer, now, now, message, tuple(edits))
