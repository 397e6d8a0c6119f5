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
from reverser.model.entry import Entry
from reverser.model.withheld import Withheld
from reverser.select.excluded_writes import split_excluded
from reverser.unexpected_errors import contained
from reverser.writer.destination_context import DestinationContext
from reverser.writer.message import author, message
from reverser.writer.repository_files import ExistingFiles, Placed

There: TypeAlias = tuple[Entry, Placed]
"""An entry, and where it goes."""


class Prepared(msgspec.Struct, frozen=True):
    """What became of a plan."""

    commit: Commit | None
    """None when no entry could be placed."""
    entries: tuple[Entry, ...]
    """The entries in the commit."""
    withheld: tuple[tuple[int, Withheld, str], ...]
    """The numbers of those that cannot be placed under this head of the branch, why, and where our file of
    the object stands ("" when there is none)."""
    overwrote: tuple[str, ...] = ()
    """Paths where the commit puts an edit on top of a person's."""
    adopted: Mapping[str, bool] = {}
    """Files of people in which objects have their place, and whether the commit changes them."""


async def prepare(plan: CommitPlan, context: DestinationContext, foreign: ExistingFiles) -> Prepared:
    """Place every entry of a plan and word its commit."""
    making = _Making(context, foreign)
    left = [*plan.entries]
    withheld: list[tuple[int, Withheld, str]] = []
    while left:
        there, bad = await making.placed(left)
        withheld += bad
        try:
            commit = making.commit(there) if there else None
        except WithheldError as error:
            # Without the bad ones the others may have another place, and none may carry what they brought.
            foreign.take_back()
            bad = making.blamed(there, error)
            withheld += bad
            numbers = {row[0] for row in bad}
            left = [entry for entry, _ in there if entry.seq not in numbers]
        else:
            foreign.keep()
            entries = tuple(entry for entry, _ in there)
            overwrote = tuple(e.edit.path for e, placed in there if placed.overwrote)
            return Prepared(
                commit, entries, tuple(withheld), tuple(dict.fromkeys(overwrote)), _adopted(there)
            )
    return Prepared(None, (), tuple(withheld))


def _adopted(there: Sequence[There]) -> dict[str, bool]:
    found = {placed.adopted: False for _, placed in there if placed.adopted}
    return found | {placed.adopted: True for _, placed in there if placed.adopted and placed.changed}


class _Making:
    """What all commits of one destination have in common."""

    def __init__(self, context: DestinationContext, foreign: ExistingFiles) -> None:
        self._context = context
        self._foreign = foreign
        self._now = context.clock()

    def withheld(self, entry: Entry, error: WithheldError) -> tuple[int, Withheld, str]:
        """The entry's number, why it is left out, and where our file of the object stands."""
        self._foreign.give_up(entry)
        reason = Withheld(self._context.name, entry.key, error.reason, error.message, self._now)
        return entry.seq, reason, self._foreign.standing(entry)

    async def placed(self, entries: Sequence[Entry]) -> tuple[list[There], list[tuple[int, Withheld, str]]]:
        """Those that have a place, and the others."""
        there: list[There] = []
        withheld: list[tuple[int, Withheld, str]] = []
        for each in entries:
            entry = self._foreign.told(each)
            try:
                with contained("place", entry.key):
                    paths.check(entry.edit.path)
                    there.append((entry, await self._foreign.place(entry)))
            except WithheldError as error:
                withheld.append(self.withheld(entry, error))
        return there, withheld

    def blamed(self, there: Sequence[There], error: WithheldError) -> list[tuple[int, Withheld, str]]:
        """The entries of which no commit can be made even alone; all of them where each works alone."""
        bad = [row for row in map(self._tried, there) if row is not None]
        return bad or [self.withheld(entry, error) for entry, _ in there]

    def _tried(self, there: There) -> tuple[int, Withheld, str] | None:
        try:
            self.commit([there])
        except WithheldError as error:
            return self.withheld(there[0], error)
        return None

    def commit(self, there: Sequence[There]) -> Commit:
        """One commit of placed entries, at least one."""
        plan = CommitPlan(tuple(entry for entry, _ in there))
        with contained("commit", plan.first.key):
            own, aside = split_excluded(plan)
            overwrote = dict.fromkeys(placed.overwrote for _, placed in there if placed.overwrote)
            messages, last = self._context.messages, plan.entries[-1]
            committer = self._context.destination.committer
            return Commit(
                author=author(plan, committer, messages.identity),
                committer=committer,
                authored_at=last.changed_at,
                # Not now: what is written again after a refusal is then the same commit, and takes no room.
                committed_at=last.appended_at or self._now,
                message=message(plan, messages.message(plan), self._context.journal.id, [*overwrote]),
                edits=tuple(edit for _, placed in there for edit in placed.edits),
                # A change and what it undid, in one commit: someone made it, and it must be there to see.
                allow_empty=own is not None and bool(aside),
            )
