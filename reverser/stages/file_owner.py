"""Whose a file in the branch is, as the branch's history tells it. Pure; docs/ownership.md has the table.

A commit with our trailers was made by a daemon: by us when its journal is one of our data directory, or
one that we follow because a person said `adopt = true`; else by another daemon. Any other commit was made
by a person. A daemon's file stays that daemon's when a person edits it; a file that was removed is
nobody's, and belongs to whoever makes it again.

What is asked of the answer: `adopt`-ing a person's file is allowed, the files of another daemon are
never described, edited, moved or removed, and a last guard (`refused`) looks at each edit of a commit.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from enum import Enum

import msgspec

from reverser.model.change import Operation
from reverser.model.entry import Edit, Entry, Record
from reverser.model.ports import Landed
from reverser.model.resource import ObjectKey
from reverser.stages.message import parse_entry


class Owner(Enum):
    """Whose a file is."""

    OURS = "ours"
    OTHER = "another daemon's"
    PERSON = "a person's"
    GENERATED = "generated beside ours"


class Us(msgspec.Struct, frozen=True):
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
    """The files of daemons in the branch."""

    ours: dict[str, str]
    """path -> cluster, what was written last at the end. Whole only when read from the first commit on."""
    others: dict[str, str]
    """path -> cluster of another daemon; "" where a person made a file of the name that one of ours had."""


def inside(path: str, root: str) -> bool:
    """Whether the path is in the folder."""
    return not root or path.startswith(f"{root}/")


def journals(commit: Landed) -> set[str]:
    """The ids of the journals whose entries the commit carries."""
    return {entry[0] for entry in map(parse_entry, commit.entries) if entry}


def maker(commit: Landed, us: Us) -> Owner:
    """Who made a commit: we, another daemon, or a person."""
    made_by = journals(commit)
    if not made_by:
        return Owner.PERSON
    if any(us.knows(journal) for journal in made_by):
        return Owner.OURS
    followed = us.adopt or not made_by.isdisjoint(us.followed)
    return Owner.OURS if followed and commit.cluster in us.clusters else Owner.OTHER


def fold(
    commits: Iterable[Landed], us: Us, others: Mapping[str, str], claimed: Collection[str] = ()
) -> Files:
    """What the commits, oldest first, make of the files of others that were known before.

    `claimed`: paths that the journal takes for ours, in the folder or not. A file that a person makes
    there anew is the person's.
    """
    files = Files({}, dict(others))
    for commit in commits:
        who, removed, added = maker(commit, us), set(commit.removed), set(commit.added)
        for path in commit.paths:
            if not inside(path, us.root) and path not in claimed:
                continue
            if who is Owner.PERSON and path not in removed and path not in added:
                continue  # edited: it stays whose it was
            files.ours.pop(path, None)
            files.others.pop(path, None)
            if path in removed:
                continue
            if who is Owner.OURS:
                files.ours[path] = commit.cluster
            elif who is Owner.OTHER or path in claimed:
                files.others[path] = commit.cluster if who is Owner.OTHER else ""
    return files


def written(records: Iterable[Record], pending: Iterable[Entry]) -> set[str]:
    """Paths at which the journal knows a file of ours, as they are before the pending entries land.

    A file that is only about to be made, or moved to its place, may be another's; so may one that an
    entry could not be written to.
    """
    first: dict[ObjectKey, Entry] = {}
    gone: set[ObjectKey] = set()
    made: set[ObjectKey] = set()
    for entry in pending:
        key = entry.key
        first.setdefault(key, entry)
        if entry.edit.content is None:
            gone.add(key)
        elif entry.operation is Operation.CREATE and key not in gone:
            # Without a removal before it: whatever was pending before did not get its file.
            made.add(key)
    paths: set[str] = set()
    for record in records:
        if record.mark == "absent":
            made.add(record.key)
        elif record.key not in first:
            paths.add(record.path)
    there = [entry for key, entry in first.items() if key not in made]
    return paths | {entry.previous_path or entry.edit.path for entry in there}


def owner(path: str, files: Files, ours: Collection[str], generated: Collection[str] = ()) -> Owner:
    """Whose a file of the branch is; `ours` is what `written` says, `generated` what plugins keep."""
    if files.others.get(path):
        return Owner.OTHER
    if path in files.others:
        return Owner.PERSON
    if path in ours:
        return Owner.OURS
    return Owner.GENERATED if path in generated else Owner.PERSON


def refused(edit: Edit, root: str, others: Mapping[str, str], moved: Collection[str] = ()) -> str:
    """Why no commit may hold this edit; "" when it may. `moved`: files of ours before the folder changed."""
    if others.get(edit.path):
        return f"{edit.path!r} is the file of another daemon, which writes the cluster {others[edit.path]}"
    if inside(edit.path, root) or (edit.content is None and edit.path in moved):
        return ""
    return f"{edit.path!r} is not inside {root!r}, the destination's folder"


def trusted(history: Iterable[Landed], us: Us, recorded: set[str]) -> frozenset[str]:
    """Journals that nobody knows, of our clusters, which have written files that we have recorded."""
    return frozenset(
        journal
        for commit in history
        if maker(commit, us) is Owner.OTHER and commit.cluster in us.clusters
        for journal in journals(commit)
        if not recorded.isdisjoint(commit.paths)
    )


def strangers(files: Files, us: Us) -> list[str]:
    """Paths in our folder that a journal nobody knows has written under a name of our clusters."""
    return [
        path for path, cluster in files.others.items() if cluster in us.clusters and inside(path, us.root)
    ]
