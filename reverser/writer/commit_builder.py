"""Turns a commit plan into a commit: places the edits, writes the message, names the author.

An entry that cannot be placed, or of which no commit can be made, leaves the plan; the others go on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import msgspec

from reverser.errors import WithheldError
from reverser.layout import paths
from reverser.model.commit import Commit, CommitPlan
from reverser.model.condition import Withheld
from reverser.model.entry import Entry
from reverser.select.rules import split_excluded
from reverser.unexpected_errors import contained
from reverser.writer.commit_message import author, message
from reverser.writer.destination_context import DestinationContext
from reverser.writer.repository_files import ExistingFiles, Placed
from reverser.writer.resumption import versions

PlacedEntry: TypeAlias = tuple[Entry, Placed]
"""An entry, and where it goes."""
WithheldEntry: TypeAlias = tuple[int, Withheld, str]
"""Its number, why it is withheld, and where our file of the object stands ("" when there is none)."""


class BuiltCommit(msgspec.Struct, frozen=True):
    """What became of a commit plan."""

    commit: Commit | None
    """None when no entry could be placed."""
    entries: tuple[Entry, ...]
    """The entries in the commit."""
    withheld: tuple[WithheldEntry, ...]
    """Those that cannot be placed under this head of the branch."""
    overwrote: tuple[str, ...] = ()
    """Paths where the commit puts an edit on top of a person's."""
    adopted: Mapping[str, bool] = {}
    """Files of people in which objects have their place, and whether the commit changes them."""


async def build_commit(plan: CommitPlan, context: DestinationContext, existing: ExistingFiles) -> BuiltCommit:
    """Place every entry of a plan and write its commit's message."""
    builder = _CommitBuilder(context, existing)
    remaining = [*plan.entries]
    withheld: list[WithheldEntry] = []
    while remaining:
        there, bad = await builder.place_entries(remaining)
        withheld += bad
        try:
            commit = builder.build(there) if there else None
        except WithheldError as error:
            # Without the bad ones the others may have another place, and none may carry what they brought.
            existing.take_back()
            bad = builder.withhold_unusable(there, error)
            withheld += bad
            numbers = {row[0] for row in bad}
            remaining = [entry for entry, _ in there if entry.seq not in numbers]
        else:
            existing.commit_placed()
            entries = tuple(entry for entry, _ in there)
            overwrote = tuple(e.edit.path for e, placed in there if placed.overwrote)
            return BuiltCommit(
                commit, entries, tuple(withheld), tuple(dict.fromkeys(overwrote)), _adopted(there)
            )
    return BuiltCommit(None, (), tuple(withheld))


def _adopted(there: Sequence[PlacedEntry]) -> dict[str, bool]:
    unchanged = {placed.adopted: False for _, placed in there if placed.adopted}
    return unchanged | {placed.adopted: True for _, placed in there if placed.adopted and placed.changed}


class _CommitBuilder:
    """Places entries under one head of the branch, and makes commits of them."""

    def __init__(self, context: DestinationContext, existing: ExistingFiles) -> None:
        self._context = context
        self._existing = existing
        self._now = context.clock()

    def withhold(self, entry: Entry, error: WithheldError) -> WithheldEntry:
        """Give an entry up."""
        self._existing.give_up(entry)
        reason = Withheld(self._context.name, entry.key, error.reason, error.message, self._now)
        return entry.seq, reason, self._existing.standing(entry)

    async def place_entries(self, entries: Sequence[Entry]) -> tuple[list[PlacedEntry], list[WithheldEntry]]:
        """Those that have a place, and the others."""
        there: list[PlacedEntry] = []
        withheld: list[WithheldEntry] = []
        for each in entries:
            entry = self._existing.with_missed_fields(each)
            try:
                with contained("place", entry.key):
                    paths.check(entry.edit.path)
                    there.append((entry, await self._existing.place_entry(entry)))
            except WithheldError as error:
                withheld.append(self.withhold(entry, error))
        return there, withheld

    def withhold_unusable(self, there: Sequence[PlacedEntry], error: WithheldError) -> list[WithheldEntry]:
        """The entries of which no commit can be made even alone; all of them where each works alone."""
        bad = [row for row in map(self._withhold_if_unusable, there) if row is not None]
        return bad or [self.withhold(entry, error) for entry, _ in there]

    def _withhold_if_unusable(self, there: PlacedEntry) -> WithheldEntry | None:
        try:
            self.build([there])
        except WithheldError as error:
            return self.withhold(there[0], error)
        return None

    def build(self, there: Sequence[PlacedEntry]) -> Commit:
        """One commit of placed entries, at least one."""
        plan = CommitPlan(tuple(entry for entry, _ in there))
        with contained("commit", plan.first.key):
            own, aside = split_excluded(plan)
            overwrote = dict.fromkeys(placed.overwrote for _, placed in there if placed.overwrote)
            messages, last = self._context.messages, plan.entries[-1]
            destination, committer = self._context.destination, self._context.destination.committer
            text = messages.message(plan, destination)
            named = versions(plan.entries) if self._context.versions else []
            return Commit(
                author=author(plan, committer, messages.identity),
                committer=committer,
                authored_at=last.changed_at,
                # Not now: what is written again after a refusal is then the same commit, and takes no room.
                committed_at=last.appended_at or self._now,
                message=message(plan, text, self._context.journal.id, [*overwrote], named),
                edits=tuple(edit for _, placed in there for edit in placed.edits),
                # A change and what it undid, in one commit: someone made it, and it must be there to see.
                allow_empty=own is not None and bool(aside),
            )
