"""Whose a file in the branch is, as the branch's history tells it. Pure; docs/ownership.md has the table.

A commit with our trailers was made by a daemon: by us when its journal is one of our data directory, or
one that we follow because a person said `adopt = true`; else by another daemon. Any other commit was made
by a person. A file belongs to whoever made it: a daemon's file stays that daemon's when a person edits
it, and a person's file stays the person's when a daemon edits it. The daemon that did so first goes on to
edit it, and no other does. A file that was removed is nobody's, and belongs to whoever makes it again.

What is asked of the answer: `adopt`-ing a person's file is allowed, the files of another daemon are
never described, edited, moved or removed, and a last guard (`refused`) looks at each edit of a commit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from enum import Enum

import msgspec

from reverser.model.change import Operation
from reverser.model.entry import Edit, Entry, Record
from reverser.model.repository import Landed
from reverser.model.resource import ObjectKey
from reverser.writer.commit_message import parse_entry


class Owner(Enum):
    """Whose a file is."""

    OURS = "ours"
    OTHER = "another daemon's"
    PERSON = "a person's"


class DaemonIdentity(msgspec.Struct, frozen=True):
    """What tells our commits from others."""

    root: str
    """The destination's folder; empty: all of the branch."""
    clusters: frozenset[str]
    """Names of the clusters whose rules lead to the destination."""
    knows: Callable[[str], bool]
    """Whether a journal's id is one of our data directory."""
    followed: frozenset[str] = frozenset()
    """Ids of journals whose files were taken over."""
    adopt: bool = False
    """Whether journals that nobody knows, of our clusters, are taken for ours."""


class Files(msgspec.Struct):
    """The files of daemons in the branch, and those of people that daemons edit."""

    ours: dict[str, str] = {}
    """path -> cluster, what was written last at the end. Whole only when read from the first commit on."""
    others: dict[str, str] = {}
    """path -> cluster of another daemon; "" for a person's file that the journal would take for ours."""
    edited: dict[str, str] = {}
    """path of a person's file -> cluster of the other daemon that edits it; "" where we do."""

    def drop(self, path: str) -> None:
        """The file is gone, or another one."""
        for files in (self.ours, self.others, self.edited):
            files.pop(path, None)

    def outlived(self, known: Files, there: Collection[str]) -> None:
        """Take over what was known of files that a rewritten history, which may not tell, still has."""
        for path in known.others.keys() & there - self.ours.keys() - self.others.keys():
            self.others[path] = known.others[path]
            self.edited.pop(path, None)
        for path in known.edited.keys() & there - self.ours.keys() - self.others.keys():
            self.edited[path] = known.edited[path]

    def theirs(self) -> dict[str, str]:
        """path -> cluster of another daemon: what we do not edit."""
        files = (self.others, self.edited)
        return {path: cluster for each in files for path, cluster in each.items() if cluster}


def inside(path: str, root: str) -> bool:
    """Whether the path is in the folder."""
    return not root or path.startswith(f"{root}/")


def journals(commit: Landed) -> set[str]:
    """The ids of the journals whose entries the commit carries."""
    return {entry[0] for entry in map(parse_entry, commit.entries) if entry}


def maker(commit: Landed, us: DaemonIdentity) -> Owner:
    """Who made a commit: we, another daemon, or a person."""
    made_by = journals(commit)
    if not made_by:
        return Owner.PERSON
    if any(us.knows(journal) for journal in made_by):
        return Owner.OURS
    followed = us.adopt or not made_by.isdisjoint(us.followed)
    return Owner.OURS if followed and commit.cluster in us.clusters else Owner.OTHER


def fold(
    commits: Iterable[Landed], us: DaemonIdentity, before: Files, claimed: Collection[str] = ()
) -> Files:
    """What the commits, oldest first, make of the files that were known before.

    `claimed`: paths that the journal takes for ours, in the folder or not. A file that a person makes
    there anew is the person's.
    """
    files = Files({}, dict(before.others), dict(before.edited))
    mine = set(claimed) - before.others.keys() - before.edited.keys()
    for commit in commits:
        who, removed, added = maker(commit, us), set(commit.removed), set(commit.added)
        for path in commit.paths:
            if not inside(path, us.root) and path not in claimed:
                continue
            daemons = path in files.ours or path in mine or bool(files.others.get(path))
            if path in removed or path in added or (daemons and who is not Owner.PERSON):
                files.drop(path)
                mine.discard(path)
                if path not in removed:
                    _set_owner(files, path, who, commit.cluster, known=path in claimed)
            elif not daemons and who is not Owner.PERSON:
                files.edited.setdefault(path, "" if who is Owner.OURS else commit.cluster)
    return files


def _set_owner(files: Files, path: str, who: Owner, cluster: str, *, known: bool) -> None:
    """The file has a new owner."""
    if who is Owner.OURS:
        files.ours[path] = cluster
    elif who is Owner.OTHER:
        files.others[path] = cluster
    elif known:
        files.others[path] = ""


def edited_by_us(commits: Iterable[Landed], us: DaemonIdentity, files: Files) -> dict[str, str]:
    """path -> cluster of those files of people that we edit; `files` is what the commits make of them."""
    return {
        path: commit.cluster
        for commit in commits
        if maker(commit, us) is Owner.OURS
        for path in commit.paths
        if files.edited.get(path) == "" and inside(path, us.root)
    }


class WrittenPaths:
    """Paths at which the journal knows a file of ours, as they are before the pending entries land.

    A file that is only about to be made, or moved to its place, may be another's; so may one that an
    entry could not be written to. It stores names alone: there may be very much of it.
    """

    def __init__(self) -> None:
        self._first: dict[ObjectKey, str] = {}
        self._removed: set[ObjectKey] = set()
        self._created: set[ObjectKey] = set()
        self._paths: set[str] = set()

    def pending(self, entries: Iterable[Entry]) -> None:
        """Pending entries, by `seq`: before the records, and after them those that have come meanwhile."""
        for entry in entries:
            key = entry.key
            # A record that was read may be of an entry that was not pending before.
            self._paths -= {entry.edit.path, entry.previous_path}
            self._first.setdefault(key, entry.previous_path or entry.edit.path)
            if entry.edit.content is None:
                self._removed.add(key)
            elif entry.operation is Operation.CREATE and key not in self._removed:
                # Without a removal before it: whatever was pending before did not get its file.
                self._created.add(key)

    def recorded(self, records: Iterable[Record]) -> None:
        """Records."""
        for record in records:
            if record.mark == "absent":
                self._created.add(record.key)
            elif record.key not in self._first:
                self._paths.add(record.path)

    def paths(self) -> set[str]:
        """The paths, when all was added."""
        return self._paths | {path for key, path in self._first.items() if key not in self._created}


def owned(recorded: Collection[str], files: Files) -> set[str]:
    """Which of the paths that the journal knows (as `WrittenPaths` says) are files of ours."""
    return set(recorded) - files.others.keys() - files.edited.keys()


def written_among(commits: Iterable[Landed], us: DaemonIdentity, ours: Mapping[str, str]) -> dict[str, str]:
    """Those of our files that commits of ours have written among these."""
    written = {path for commit in commits if maker(commit, us) is Owner.OURS for path in commit.paths}
    return {path: ours[path] for path in written & ours.keys()}


def unrecorded(ours: Mapping[str, str], known: Collection[str]) -> dict[str, str]:
    """Those of our files that the journal knows nothing of; `known`: paths of its records and entries."""
    return {path: cluster for path, cluster in ours.items() if path not in known}


def refused(edit: Edit, root: str, others: Mapping[str, str], moved: Collection[str] = ()) -> str:
    """Why no commit may hold this edit; "" when it may. `others`: what other daemons write, as
    `Files.theirs` says. `moved`: files of ours before the folder changed.
    """
    if others.get(edit.path):
        return f"{edit.path!r} is written by another daemon, for the cluster {others[edit.path]}"
    if inside(edit.path, root) or (edit.content is None and edit.path in moved):
        return ""
    return f"{edit.path!r} is not inside {root!r}, the destination's folder"


def recorded_journals(history: Iterable[Landed], us: DaemonIdentity, recorded: set[str]) -> frozenset[str]:
    """Journals that nobody knows, of our clusters, which have written files that we have recorded."""
    return frozenset(
        journal
        for commit in history
        if maker(commit, us) is Owner.OTHER and commit.cluster in us.clusters
        for journal in journals(commit)
        if not recorded.isdisjoint(commit.paths)
    )


def of_unknown_journals(files: Files, us: DaemonIdentity) -> list[str]:
    """Paths in our folder that a journal nobody knows has written under a name of our clusters."""
    return [
        path for path, cluster in files.theirs().items() if cluster in us.clusters and inside(path, us.root)
    ]
