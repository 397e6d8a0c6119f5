"""Finds out which of our entries the branch has, for example after a push whose connection broke.

A commit that this process pushed is known by its id. Another commit that claims our entries, from before a
restart or a backup, is believed where its tree has what the entries say (`trailer_claims`); for an object
that a person's file describes, the files that the commit changed are searched. Entries that are not believed
stay pending and are pushed again on top. A commit whose claims are all untrue counts as a person's.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import structlog
import trio

from reverser.errors import WithheldError
from reverser.manifest import editor
from reverser.manifest.scanner import Described, read
from reverser.model.entry import Entry
from reverser.model.repository import Landed, Repository
from reverser.unexpected_errors import left_out
from reverser.writer.destination_context import DestinationContext
from reverser.writer.file_owner import journals
from reverser.writer.trailer_claims import (
    Claim,
    ClaimedEntry,
    LandingOrder,
    Span,
    claimed_entry,
    spans,
    within,
)

log = structlog.get_logger()

CHUNK = 500
PUSHED_MOST = 20_000
"""Ids of commits that this process has pushed, or tried to."""
LOOKED_AT_MOST = 500_000
"""Pairs of a commit and an entry that it claims: only forged ranges can make more."""
FILES_MOST = 100
"""Files of people that are read for what they describe."""
FILES_OF_A_COMMIT = 20


class LandedEntries:
    """Compares what commits claim with what is pending, for one destination."""

    def __init__(self, context: DestinationContext, repository: Repository) -> None:
        self._name = context.name
        self._journal = context.journal
        self._repository = repository
        self._pushed: dict[str, None] = {}
        self._forged: frozenset[str] = frozenset()
        self._files_left = FILES_MOST

    def note_push(self, ids: Sequence[str]) -> None:
        """These commits of ours are on their way to the branch."""
        self._pushed |= dict.fromkeys(ids)
        for old in [*self._pushed][:-PUSHED_MOST]:
            del self._pushed[old]

    async def landed(self, commits: Sequence[Landed]) -> list[int | range]:
        """The numbers of our entries that these commits, oldest first, have brought into the branch."""
        untrue = {each.commit for each in commits if self._never_given_out(each)}
        claiming = [
            (each, spans(each, self._journal.issued)) for each in commits if each.commit not in untrue
        ]
        sure = [
            span for each, claimed_entry in claiming if each.commit in self._pushed for span in claimed_entry
        ]
        doubtful = [
            (each, claimed_entry)
            for each, claimed_entry in claiming
            if claimed_entry and each.commit not in self._pushed
        ]
        seqs: list[int | range] = [range(first, last + 1) for first, last in sure]
        if doubtful:
            claims = await self._claims_of(doubtful, sure)
            believed, liars = await self._verify(*claims)
            seqs += believed
            untrue |= liars
        for commit in untrue:
            log.warning(
                "commit claims entries that it does not contain", destination=self._name, commit=commit
            )
        self._forged = frozenset(untrue)
        return seqs

    def without_forged(self, commits: Sequence[Landed]) -> list[Landed]:
        """The commits, those whose claims are untrue without them."""
        replaced = (msgspec.structs.replace(each, entries=()) for each in commits)
        return [
            new if old.commit in self._forged else old for old, new in zip(commits, replaced, strict=True)
        ]

    def _never_given_out(self, commit: Landed) -> bool:
        """Whether the commit claims entry numbers that the journal has not given out since this start."""
        if self._journal.id not in journals(commit):
            return False
        return not any(spans(commit, lambda journal, last: self._given_out(journal, last)))

    def _given_out(self, journal: str, last: int) -> bool:
        return journal != self._journal.id or self._journal.issued(journal, last)

    async def _claims_of(
        self, doubtful: Sequence[tuple[Landed, list[Span]]], sure: Sequence[Span]
    ) -> tuple[list[Claim], LandingOrder]:
        pending = await self._pending_entries(doubtful[0][0].commit)
        landed = within(pending, sure)
        order, claims, room = LandingOrder(pending), list[Claim](), LOOKED_AT_MOST
        order.land(landed)
        numbers = {each.seq for each in landed}
        for commit, numbers_claimed in doubtful:
            mine = [each for each in within(pending, numbers_claimed) if each.seq not in numbers]
            room -= len(mine)
            if mine and room > 0:
                claims.append(Claim(commit, mine))
        return claims, order

    async def _verify(self, claims: Sequence[Claim], order: LandingOrder) -> tuple[list[int], set[str]]:
        """(entries that have landed, commits of which nothing is true)."""
        if not claims:
            return [], set()
        wanted = [(claim.commit.commit, path) for claim in claims for path in sorted(claim.paths)]
        blobs = dict(zip(wanted, await self._repository.at(wanted), strict=True))
        believed, liars = set[int](), set[str]()
        self._files_left = FILES_MOST
        for claim in claims:
            commit = claim.commit.commit
            tree = {path: blobs[commit, path] for path in claim.paths}
            true = [
                entries
                for key, entries in claim.objects.items()
                if not believed.issuperset(each.seq for each in entries)
                and order.allows(entries, claim.seqs)
                and (claim.holds(key, tree) or await self._is_in_a_persons_file(claim.commit, entries[-1]))
            ]
            for entries in true:
                order.land(entries)
                believed.update(each.seq for each in entries)
            if not true:
                liars.add(commit)
        return sorted(believed), liars

    async def _is_in_a_persons_file(self, commit: Landed, last: ClaimedEntry) -> bool:
        """Whether a file that the commit changed says what the entry says, or does so no more."""
        paths = [path for path in commit.paths if path.endswith((".yaml", ".yml", ".json"))]
        paths = paths[:FILES_OF_A_COMMIT]
        if not paths or len(paths) > self._files_left:
            return False
        self._files_left -= len(paths)
        entries = await self._journal.pending(self._name, after=last.seq - 1, limit=1)
        if not entries or entries[0].seq != last.seq:
            return False
        now = await self._contents_at(commit.commit, paths)
        if entries[0].edit.content is not None:
            return await trio.to_thread.run_sync(_edit_changes_nothing, now, entries[0])
        before = await self._contents_at(f"{commit.commit}^", paths)
        return await trio.to_thread.run_sync(
            lambda: _any_describes(before, entries[0]) and not _any_describes(now, entries[0])
        )

    async def _contents_at(self, commit: str, paths: Sequence[str]) -> dict[str, bytes]:
        ids = await self._repository.at([(commit, path) for path in paths])
        contents = await self._repository.blobs([each for each in ids if each])
        return {path: contents[each] for path, each in zip(paths, ids, strict=True) if each}

    async def _pending_entries(self, commit: str) -> list[ClaimedEntry]:
        pending: list[ClaimedEntry] = []
        while chunk := await self._journal.pending(
            self._name, after=pending[-1].seq if pending else 0, limit=CHUNK
        ):
            pending += await trio.to_thread.run_sync(
                lambda rows: [claimed_entry(each, commit) for each in rows], chunk
            )
        return pending


def _described(files: dict[str, bytes], entry: Entry) -> list[tuple[bytes, Described]]:
    key, objects = entry.key, list[tuple[bytes, Described]]()
    for path, content in files.items():
        with left_out("file", path):
            objects += [(content, each) for each in read(path, content).objects]
    return [
        (content, each)
        for content, each in objects
        if (each.identity.group, each.identity.kind, each.identity.name) == (key.group, entry.kind, key.name)
        and each.identity.namespace in ("", key.namespace)
    ]


def _any_describes(files: dict[str, bytes], entry: Entry) -> bool:
    return bool(_described(files, entry))


def _edit_changes_nothing(files: dict[str, bytes], entry: Entry) -> bool:
    """Whether an edit of the one file that describes the object would change nothing."""
    objects = _described(files, entry)
    if len(objects) != 1 or entry.edit.content is None:
        return False
    content, described = objects[0]
    try:
        return editor.edit(content, described.index, editor.parse(entry.edit.content)) == content
    except WithheldError:
        return False
