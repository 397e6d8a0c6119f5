"""Before writing: what has the remote branch become, and which of our entries does it hold?

Asked at the start, after every uncertain push, and when somebody else moved the branch. The
answer is read from the branch alone: commits that carry our `Reverser-Entry` are acknowledged,
which makes every entry land exactly once; commits of others tell which of our files they edited.

Where branch and journal no longer fit together, `recover` mends the one from the other.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import structlog

from reverser.model.change import Operation
from reverser.model.destination import Destination
from reverser.model.entry import Entry
from reverser.model.ports import Journal, Landed, Repository
from reverser.stages.message import parse_entry
from reverser.writer.foreign import Foreign
from reverser.writer.landing import light
from reverser.writer.others import Others
from reverser.writer.recover import Recovery
from reverser.writer.touched import Touched

log = structlog.get_logger()

CHUNK = 500


class CatchUp:
    """Brings the journal and our picture of the branch into line with the remote."""

    def __init__(
        self,
        destination: Destination,
        journal: Journal,
        repository: Repository,
        recovery: Recovery,
        on_rebuilt: Callable[[], None],
    ) -> None:
        self._destination = destination
        self._name = destination.name
        self._journal = journal
        self._repository = repository
        self._recovery = recovery
        self._on_rebuilt = on_rebuilt
        self._edited = Touched(destination.name, journal)
        self._others = Others(repository, destination.path)

    async def run(self, now: float) -> tuple[str, Foreign]:
        """Fetch and mend; the remote head ("" for an empty branch) and the files of others."""
        head = await self._repository.fetch()
        known = await self._journal.head(self._name)
        rewritten = bool(known) and not (head and await self._repository.is_ancestor(known, head))
        since = "" if rewritten else known
        landed = await self._repository.landed(since, head) if head and head != known else []
        lost = not rewritten and await self._lost(landed, known)
        if lost or rewritten:
            await self._recovery.rebuild_records(head, landed, await self._pending(), trusted=lost)
        touched = await self._touched(landed, rewritten=rewritten)
        await self._acknowledge(landed, known)
        if rewritten:
            await self._recovery.restore_files(head, await self._pending(), now)
        # Last: a head that is stored says that everything up to it was understood.
        await self._journal.set_head(self._name, head)
        if lost or rewritten:
            self._on_rebuilt()
        await self._others.move(head, await self._ours())
        return head, Foreign(self._repository, self._others, touched)

    async def _acknowledge(self, landed: Sequence[Landed], head: str) -> None:
        ranges = [entry for commit in landed for entry in map(parse_entry, commit.entries) if entry]
        ours = [each for each in ranges if self._journal.issued(each[0], each[2])]
        seqs = [range(first, last + 1) for _, first, last in ours]
        if seqs:
            await self._journal.ack(self._name, itertools.chain.from_iterable(seqs), head)

    async def _touched(self, landed: Sequence[Landed], *, rewritten: bool) -> dict[str, str]:
        """path of ours -> newest commit of somebody else that changed it after us."""
        ours = {record.path for record in await self._journal.all_records(self._name)}
        touched = {} if rewritten else await self._edited.read()
        for commit in landed:
            for path in commit.paths:
                if self._recovery.vouches(commit):
                    touched.pop(path, None)
                elif path in ours:
                    touched[path] = commit.commit
        await self._edited.write(touched)
        return touched

    async def _ours(self) -> set[str]:
        """Paths that we have written. A file that is only about to be created may be another's."""
        records = {record.path for record in await self._journal.all_records(self._name)}
        written: set[str] = set()
        for entry in await self._pending():
            path = entry.edit.path
            if entry.operation is Operation.CREATE and path not in written:
                records.discard(path)
            if entry.operation is not Operation.CREATE:
                # It was there before: an object that goes and comes back finds its own file.
                written.add(path)
            if entry.previous_path:
                written.add(entry.previous_path)
        return records | written

    async def _pending(self) -> list[Entry]:
        """All pending entries, without what they write."""
        pending: list[Entry] = []
        while chunk := await self._journal.pending(
            self._name, after=pending[-1].seq if pending else 0, limit=CHUNK
        ):
            pending += map(light, chunk)
        return pending

    async def _lost(self, landed: Sequence[Landed], known: str) -> bool:
        """Whether the branch holds entries that this journal should know and does not.

        A journal that has met the branch before knows all who write our files: an entry that it
        never gave out means that it is older than the branch, as if restored from a backup.
        """
        ours = {record.path for record in await self._journal.all_records(self._name)} if known else set()
        for commit in landed:
            for journal, _, last in filter(None, map(parse_entry, commit.entries)):
                if self._journal.issued(journal, last):
                    continue
                stranger = not self._journal.knows(journal)
                if stranger and not self._recovery.vouches(commit):
                    continue
                if not stranger or not known or not ours.isdisjoint(commit.paths):
                    log.warning("the journal is older than the branch, or new", destination=self._name)
                    return True
        return False
