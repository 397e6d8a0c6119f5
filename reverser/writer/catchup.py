"""Compares the remote branch with the journal before anything is written.

This runs at the start, after every push whose result is unknown, and when somebody else pushed. Only the
branch is asked: entries that commits with our `Reverser-Entry` really hold (`landed_entries`) are
acknowledged, so every entry lands exactly once. Commits of others tell which of our files they edited, and
which files belong to another daemon (`file_owner`).

A branch that we see for the first time may have files written under our cluster's name by an unknown journal:
by ours, before data_dir was lost, or by another daemon. Only a person can tell, and until one does nothing is
written. Where branch and journal do not fit together any more, `recovery` repairs one from the other.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import msgspec
import structlog

from reverser.errors import StalledError
from reverser.model.entry import Entry
from reverser.model.repository import Landed, Repository
from reverser.writer.commit_message import parse_entry
from reverser.writer.destination_context import DestinationContext
from reverser.writer.file_owner import (
    DaemonIdentity,
    Files,
    Owner,
    WrittenPaths,
    edited_by_us,
    fold,
    inside,
    maker,
    of_unknown_journals,
    owned,
    recorded_journals,
    unrecorded,
    written_among,
)
from reverser.writer.landed_entries import LandedEntries
from reverser.writer.other_manifests import OtherManifests
from reverser.writer.pusher import UserEdits, light
from reverser.writer.read_in_parts import records
from reverser.writer.recovery import Recovery
from reverser.writer.repository_files import ExistingFiles
from reverser.writer.resumption import Resumed, Resumption
from reverser.writer.stored_owners import StoredOwners

log = structlog.get_logger()

CHUNK = 500


class BranchState(msgspec.Struct, frozen=True):
    """How the branch is related to what the journal knows of it."""

    stored: str
    """The head that the journal knows; "" at first."""
    known: str
    """The same where the branch goes on from it, else ""."""
    head: str
    rewritten: bool
    """We have seen the branch before, and it does not hold what it held."""
    doubt: bool
    """What is recorded need not be what is in the branch: we were elsewhere, or only observed."""
    upgraded: bool
    """A release before format 4 of the journal was here last."""

    @property
    def first(self) -> bool:
        """We have not seen this branch before."""
        return not self.known and not self.rewritten


class CatchUp:
    """Brings the journal and our picture of the branch into line with the remote."""

    def __init__(self, context: DestinationContext, repository: Repository) -> None:
        self._name = context.name
        self._journal = context.journal
        self._repository = repository
        self._recovery = Recovery(context, repository)
        self._us = us = context.identity
        self._on_rebuilt = context.on_rebuilt
        self._ours: set[str] | None = None
        """The answer of `_written_paths`, as long as it is true."""
        self._user_edits = UserEdits(context)
        self._owners = StoredOwners(context)
        self._others = OtherManifests(repository, us.root)
        self.landed_entries = LandedEntries(context, repository)
        self._resumption = Resumption(context, repository, self._owners)

    async def run(self, now: float) -> tuple[str, ExistingFiles]:
        """Fetch and mend; the remote head ("" for an empty branch) and the files of others.

        Raises StalledError where a person must say whose files these are.
        """
        self._ours = None
        branch = await self._compare()
        resumed = await self._resumption.begin(branch.head, possible=branch.first and not branch.doubt)
        landed = await self._landed_since(branch.known, branch.head)
        seqs = await self.landed_entries.landed(landed)
        landed = self.landed_entries.without_forged(landed)
        us, files = await self._files_by_owner(branch, landed)
        await self._refuse_unknown_journals(branch, us, files)
        await self._owners.follow(us, landed)
        if seqs:
            await self._journal.ack(self._name, seqs, branch.stored)
            self._ours = None
        rebuilt = await self._rebuild(branch, landed, us, files, resumed)
        touched = await self._update_user_edits(branch, landed, us)
        await self._owners.write(files)
        if branch.rewritten:
            await self._recovery.restore_files(
                branch.head, await self._pending_entries(), us, files.theirs(), now
            )
        # Last: a head that is stored says that everything up to it was understood.
        await self._journal.set_head(self._name, branch.head)
        await self._owners.clear_doubts()
        if not await self._resumption.done(resumed) and (rebuilt or branch.rewritten):
            self._on_rebuilt()
        # Not asked of an empty branch: entries of a first snapshot are more than memory should hold.
        ours = await self._written_paths() if branch.head else set()
        self._ours = None
        await self._others.move(branch.head, owned(ours, files), files)
        return branch.head, ExistingFiles(self._repository, self._others, touched, us.root)

    async def _compare(self) -> BranchState:
        head, stored = await self._repository.fetch(), await self._journal.head(self._name)
        goes_on = bool(stored and head) and await self._repository.is_ancestor(stored, head)
        doubts = await self._owners.doubts()
        elsewhere = "place" in doubts and not goes_on
        rewritten = bool(stored) and not goes_on and not elsewhere
        known = stored if goes_on else ""
        upgraded = bool(known) and not await self._owners.any()
        return BranchState(stored, known, head, rewritten, elsewhere or "mode" in doubts, upgraded)

    async def _landed_since(self, known: str, head: str) -> Sequence[Landed]:
        return await self._repository.landed(known, head) if head not in ("", known) else []

    async def _files_by_owner(
        self, branch: BranchState, landed: Sequence[Landed]
    ) -> tuple[DaemonIdentity, Files]:
        """What tells our commits, and the files of daemons: ours whole where we doubt our records."""
        us = msgspec.structs.replace(self._us, followed=await self._owners.followed())
        before = await self._owners.read() if branch.known and not branch.doubt else None
        if branch.known and before is None:
            landed = self.landed_entries.without_forged(await self._landed_since("", branch.head))
            if branch.upgraded and not branch.doubt:
                us = await self._with_recorded_journals(us, landed)
        # What the journal says holds where history was rewritten, by somebody who squashed it for example.
        claimed = set() if branch.rewritten or not branch.head else await self._written_paths()
        files = fold(landed, us, before or Files(), claimed)
        if branch.rewritten and branch.head and (known := await self._owners.read()):
            # Somebody who squashed the history did not take all files over.
            files.outlived(known, await self._repository.tree(branch.head))
        return us, files

    async def _with_recorded_journals(self, us: DaemonIdentity, history: Sequence[Landed]) -> DaemonIdentity:
        """Releases before format 4 of the journal took over what was written for our clusters."""
        ours = await self._journal.paths(self._name)
        followed = recorded_journals(history, us, ours)
        return msgspec.structs.replace(us, followed=us.followed | followed)

    async def _refuse_unknown_journals(self, branch: BranchState, us: DaemonIdentity, files: Files) -> None:
        paths = of_unknown_journals(files, us)
        if not branch.first:
            recorded = await self._journal.paths(self._name) if paths else set()
            paths = [path for path in paths if path in recorded]
        if paths:
            raise _unknown_journal(self._name, files.theirs()[paths[0]], paths)

    async def _rebuild(
        self,
        branch: BranchState,
        landed: Sequence[Landed],
        us: DaemonIdentity,
        files: Files,
        resumed: Resumed | None,
    ) -> bool:
        """Have records taken from the branch where it knows better; whether that was so."""
        if not (landed or branch.doubt or branch.rewritten or branch.upgraded):
            return False
        ours = await self._journal.paths(self._name)
        lost = branch.doubt or (branch.first and not files.ours.keys() <= await self._written_paths())
        lost = lost or (
            not branch.rewritten
            and any(self._is_unknown_of_ours(commit, us, branch, ours) for commit in landed)
        )
        if lost and not branch.doubt and resumed is None:
            log.warning("journal is new, or older than the branch", destination=self._name)
        rebuilt = files.ours
        if branch.rewritten:
            # A person's file that went with its object, and is back as we had edited it.
            rebuilt = edited_by_us(landed, us, files) | rebuilt
        if branch.upgraded and not lost:
            # Earlier releases forgot files of theirs; what they did record is right.
            rebuilt = unrecorded(rebuilt, ours | await self._pending_paths())
        elif branch.known and not branch.doubt:
            # Of a branch that we know, only what was written since: people may have edited the rest.
            rebuilt = written_among(landed, us, rebuilt)
        if not (lost or branch.rewritten or (branch.upgraded and rebuilt)):
            return False
        pending = await self._pending_entries()
        await self._recovery.rebuild_records(
            branch.head, rebuilt, pending, trusted=lost, anew=branch.doubt, resumed=resumed
        )
        self._ours = None
        return lost or branch.upgraded

    def _is_unknown_of_ours(
        self, commit: Landed, us: DaemonIdentity, branch: BranchState, ours: set[str]
    ) -> bool:
        """Whether we made a commit that this journal should know and does not.

        It is older than the branch then, as if restored from a backup. A journal that is followed may be new
        at each start; what it does beside our files is left to it once the branch is known.
        """
        if maker(commit, us) is not Owner.OURS or not any(inside(path, us.root) for path in commit.paths):
            return False
        unknown = [
            journal
            for journal, _, last in filter(None, map(parse_entry, commit.entries))
            if not self._journal.issued(journal, last)
        ]
        if any(map(self._journal.knows, unknown)):
            return not branch.first
        return bool(unknown) and not branch.first and not ours.isdisjoint(commit.paths)

    async def _update_user_edits(
        self, branch: BranchState, landed: Sequence[Landed], us: DaemonIdentity
    ) -> dict[str, str]:
        """path of ours -> newest commit of a person that changed it after us."""
        ours = await self._journal.paths(self._name) if landed else set()
        touched = await self._user_edits.read() if branch.known else {}
        for commit in landed:
            who = maker(commit, us)
            for path in commit.paths:
                if who is not Owner.PERSON:
                    touched.pop(path, None)
                elif path in ours:
                    touched[path] = commit.commit
        await self._user_edits.write(touched)
        return touched

    async def _written_paths(self) -> set[str]:
        """Paths that we have written. A file that is only about to be created may be another's.

        What the intake appends is pending at first and changes nothing here: it is worked out once a session.
        """
        if self._ours is None:
            known = WrittenPaths()
            seen = await self._add_pending(known, 0)
            async for part in records(self._journal, self._name):
                known.recorded(part)
            await self._add_pending(known, seen)
            self._ours = known.paths()
        return self._ours

    async def _add_pending(self, known: WrittenPaths, after: int) -> int:
        """Add pending entries above a number; the highest of them."""
        async for chunk in self._pending_chunks(after):
            known.pending(chunk)
            after = chunk[-1].seq
        return after

    async def _pending_paths(self) -> set[str]:
        """Paths that pending entries name."""
        paths = set[str]()
        async for chunk in self._pending_chunks():
            paths |= {path for entry in chunk for path in (entry.edit.path, entry.previous_path)}
        return paths

    async def _pending_entries(self) -> list[Entry]:
        """All pending entries, without what they write."""
        return [light(entry) async for chunk in self._pending_chunks() for entry in chunk]

    async def _pending_chunks(self, after: int = 0) -> AsyncIterator[list[Entry]]:
        """All pending entries above a number, a part at a time."""
        while chunk := await self._journal.pending(self._name, after=after, limit=CHUNK):
            after = chunk[-1].seq
            yield chunk


def _unknown_journal(destination: str, cluster: str, paths: Sequence[str]) -> StalledError:
    what = f"the file {paths[0]!r} in our folder was"
    if len(paths) > 1:
        what = f"{len(paths)} files in our folder (for example {paths[0]!r}) were"
    message = f"{what} written by another data_dir, for a cluster of the same name {cluster!r}"
    hint = (
        f"if the files are ours and data_dir was lost, set adopt = true for the destination {destination}; "
        "if another daemon writes them, give the cluster another name or the destination another path"
    )
    return StalledError("UnknownJournal", message, hint=hint)
