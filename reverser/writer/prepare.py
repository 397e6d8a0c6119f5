"""A plan in, a commit out: edits put in their place, the message written, the author named.

An entry that cannot be placed leaves its plan; the others go on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from reverser.bugs import contained
from reverser.errors import WithheldError
from reverser.model.attribution import Actor
from reverser.model.commit import Commit, CommitPlan
from reverser.model.destination import Destination
from reverser.model.entry import Edit, Entry
from reverser.model.message import Message
from reverser.model.withheld import Withheld
from reverser.stages import paths
from reverser.stages.exclude import parted
from reverser.stages.message import author, message
from reverser.writer.foreign import Foreign


class Words(Protocol):
    """Who gives commits their words, and authors their names."""

    def message(self, plan: CommitPlan) -> Message:
        """Subject, body and further trailers."""

    def identity(self, actor: Actor) -> str:
        """`Name <email>`."""


class Prepared(msgspec.Struct, frozen=True):
    """What became of a plan."""

    commit: Commit | None
    """None when no entry could be placed."""
    entries: tuple[Entry, ...]
    """The entries in the commit."""
    withheld: tuple[tuple[int, Withheld], ...]
    """The numbers of those that cannot be placed under this head of the branch, and why."""
    overwrote: tuple[str, ...] = ()
    """Paths where the commit puts an edit on top of a person's."""


async def prepare(
    plan: CommitPlan,
    destination: Destination,
    foreign: Foreign,
    journal_id: str,
    words: Words,
    now: float,
) -> Prepared:
    """Place every entry of a plan and word its commit."""
    edits: list[Edit] = []
    kept: list[Entry] = []
    withheld: list[tuple[int, Withheld]] = []
    overwrote: dict[str, str] = {}
    for entry in plan.entries:
        try:
            with contained("place", entry.key):
                paths.check(entry.edit.path)
                placed = await foreign.place(entry)
        except WithheldError as error:
            withheld.append((entry.seq, _withheld(destination, entry, error, now)))
            continue
        edits += placed.edits
        kept.append(entry)
        if placed.overwrote:
            overwrote[entry.edit.path] = placed.overwrote
    if kept:
        try:
            with contained("commit", kept[0].key):
                commit = _commit(kept, tuple(edits), destination, journal_id, words, now, overwrote)
                return Prepared(commit, tuple(kept), tuple(withheld), tuple(overwrote))
        except WithheldError as error:
            withheld += [(entry.seq, _withheld(destination, entry, error, now)) for entry in kept]
    return Prepared(None, (), tuple(withheld))


def _withheld(destination: Destination, entry: Entry, error: WithheldError, now: float) -> Withheld:
    return Withheld(destination.name, entry.key, error.reason, error.message, now)


def _commit(
    kept: Sequence[Entry],
    edits: tuple[Edit, ...],
    destination: Destination,
    journal_id: str,
    words: Words,
    now: float,
    overwrote: Mapping[str, str],
) -> Commit:
    plan = CommitPlan(tuple(kept))
    own, aside = parted(plan)
    return Commit(
        author=author(plan, destination.committer, words.identity),
        committer=destination.committer,
        authored_at=kept[-1].changed_at,
        # Not now: what is written again after a refusal is then the same commit, and takes no room.
        committed_at=kept[-1].appended_at or now,
        message=message(plan, words.message(plan), journal_id, list(dict.fromkeys(overwrote.values()))),
        edits=edits,
        # A change and what it undid, in one commit: someone made it, and it must be there to see.
        kept=own is not None and bool(aside),
    )
