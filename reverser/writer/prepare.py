"""A plan in, a commit out: edits put in their place, the message written, the author named.

An entry that cannot be placed leaves its plan and is withheld; the others go on.
"""

from __future__ import annotations

from reverser.errors import WithheldError
from reverser.model.commit import Commit, CommitPlan
from reverser.model.destination import Destination
from reverser.model.entry import Edit, Entry
from reverser.model.ports import Journal
from reverser.model.withheld import Withheld
from reverser.stages.identity import Identify
from reverser.stages.message import author, message
from reverser.writer.foreign import Foreign


async def prepare(
    plan: CommitPlan,
    destination: Destination,
    foreign: Foreign,
    journal: Journal,
    identify: Identify,
    now: float,
) -> tuple[Commit | None, tuple[Entry, ...]]:
    """The commit of a plan and the entries in it; no commit when all of them had to be withheld."""
    edits: list[Edit] = []
    kept: list[Entry] = []
    overwrote: list[str] = []
    for entry in plan.entries:
        try:
            placed = await foreign.place(entry)
        except WithheldError as error:
            reason = Withheld(destination.name, entry.key, error.reason, error.message, now)
            await journal.withhold(entry.seq, reason)
            continue
        edits += placed.edits
        kept.append(entry)
        if placed.overwrote and placed.overwrote not in overwrote:
            overwrote.append(placed.overwrote)
    if not kept:
        return None, ()
    plan = CommitPlan(tuple(kept))
    commit = Commit(
        author=author(plan, destination.committer, identify),
        committer=destination.committer,
        authored_at=kept[-1].changed_at,
        committed_at=now,
        message=message(plan, journal.id, overwrote),
        edits=tuple(edits),
    )
    return commit, plan.entries
