"""Which pending entries a commit really holds, whatever its trailers say. Pure.

Whoever may push to the branch can write our trailers. So a commit that claims entries is believed where
its tree says what they say: the file has the entry's content, or the commit removes it. Of several entries
of one object the last counts, for the others are below it. And entries of one object land in their order:
none is believed while an earlier one that touches the same is neither landed nor in the same commit.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from reverser.model.entry import Entry
from reverser.model.repository import Landed
from reverser.model.resource import ObjectKey
from reverser.writer.commit_message import parse_entry

SHA1_DIGITS = 40

Span: TypeAlias = tuple[int, int]
"""(first, last) of the numbers that a trailer claims."""


class ClaimedEntry(msgspec.Struct, frozen=True):
    """What a pending entry writes, without its content."""

    seq: int
    key: ObjectKey
    path: str
    blob: str
    """What Git calls the content; empty: the file goes."""
    previous_path: str = ""

    @property
    def touched(self) -> tuple[Hashable, ...]:
        """The object and the paths that the entry is about."""
        return (self.key, *filter(None, (self.path, self.previous_path)))


def claimed_entry(entry: Entry, commit: str) -> ClaimedEntry:
    """What an entry writes, in a repository whose commits are called like this one."""
    content = entry.edit.content
    blob = "" if content is None else _blob(content, len(commit))
    return ClaimedEntry(entry.seq, entry.key, entry.edit.path, blob, entry.previous_path)


def _blob(content: bytes, digits: int) -> str:
    blob = hashlib.sha1(usedforsecurity=False) if digits == SHA1_DIGITS else hashlib.sha256()
    blob.update(b"blob %d\0" % len(content))
    blob.update(content)
    return blob.hexdigest()


def spans(commit: Landed, issued: Callable[[str, int], bool]) -> list[Span]:
    """The numbers that a commit claims, of those that were given out."""
    parsed = filter(None, map(parse_entry, commit.entries))
    return [(first, last) for journal, first, last in parsed if issued(journal, last)]


def within(pending: Sequence[ClaimedEntry], claims: Iterable[Span]) -> list[ClaimedEntry]:
    """The pending entries, which are in order, that these numbers name."""
    by_seq: dict[int, ClaimedEntry] = {}
    for first, last in claims:
        start = bisect_left(pending, first, key=lambda each: each.seq)
        end = bisect_right(pending, last, key=lambda each: each.seq)
        by_seq.update((each.seq, each) for each in pending[start:end])
    return [by_seq[seq] for seq in sorted(by_seq)]


class Claim:
    """The pending entries that one commit claims."""

    def __init__(self, commit: Landed, entries: Sequence[ClaimedEntry]) -> None:
        self.commit = commit
        self._removed = frozenset(commit.removed)
        self.seqs = frozenset(each.seq for each in entries)
        self.objects: dict[ObjectKey, list[ClaimedEntry]] = {}
        for each in entries:
            self.objects.setdefault(each.key, []).append(each)
        self._written = {each.path: each.blob for each in entries if each.blob}

    @property
    def paths(self) -> set[str]:
        """What is to be looked at in the commit's tree."""
        last = [entries[-1] for entries in self.objects.values()]
        return {path for each in last for path in (each.path, each.previous_path) if path}

    def holds(self, key: ObjectKey, tree: Mapping[str, str]) -> bool:
        """Whether the tree says what the object's entries say; `tree`: path -> blob, "" for none."""
        *before, last = self.objects[key]
        if last.previous_path and not self._is_absent(last.previous_path, tree):
            return False
        if last.blob:
            return tree[last.path] in (last.blob, self._written[last.path])
        created = any(each.blob for each in before)
        seen = bool(tree[last.path]) or created or last.path in self._removed
        return seen and self._is_absent(last.path, tree)

    def _is_absent(self, path: str, tree: Mapping[str, str]) -> bool:
        """Whether nothing is there, or only what another entry of the commit has put there."""
        return tree[path] in ("", self._written.get(path))


class LandingOrder:
    """The pending entries that have not landed, by what they touch."""

    def __init__(self, pending: Iterable[ClaimedEntry]) -> None:
        self._open: dict[Hashable, deque[int]] = {}
        for each in pending:
            for key in each.touched:
                self._open.setdefault(key, deque()).append(each.seq)
        self._landed: set[int] = set()

    def allows(self, entries: Sequence[ClaimedEntry], beside: Collection[int]) -> bool:
        """Whether all that comes before these entries of one object has landed, or is beside them."""
        last = entries[-1].seq
        return all(
            seq > last or seq in beside or seq in self._landed
            for each in entries
            for key in each.touched
            for seq in self._before(key, last)
        )

    def land(self, entries: Iterable[ClaimedEntry]) -> None:
        """These have landed."""
        self._landed.update(each.seq for each in entries)

    def _before(self, key: Hashable, last: int) -> list[int]:
        waiting = self._open.get(key, deque())
        while waiting and waiting[0] in self._landed:
            waiting.popleft()
        return [*_until(waiting, last)]


def _until(seqs: Iterable[int], last: int) -> Iterable[int]:
    for seq in seqs:
        if seq > last:
            return
        yield seq
