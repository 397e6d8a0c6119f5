"""Pushes batches of commits, one push each, and acknowledges their entries.

A batch has landed only after a push without any error; every other result ends the session with an exception
that says what to do next. While one batch is pushed, the writer prepares the next one on top of it: for a
thousand commits git works as long as their push takes.

`UserEdits` stores in the journal which of our files people have edited since we wrote them. Our next edit of
such a file replaces theirs, and its message names their commit, once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec
import structlog
import trio

from reverser.errors import StalledError, TransientError
from reverser.model.change import Origin
from reverser.model.commit import Commit, PushOutcome, PushResult
from reverser.model.condition import Withheld
from reverser.model.destination import Destination
from reverser.model.entry import Edit, Entry
from reverser.model.push import Pushed, PushedCommit
from reverser.model.repository import Repository
from reverser.select.rules import excluded
from reverser.unexpected_errors import left_out
from reverser.writer.destination_context import DestinationContext
from reverser.writer.notes import Notes
from reverser.writer.stored_owners import StoredOwners

log = structlog.get_logger()


class UserEdits:
    """path -> newest commit of somebody else that changed it after us, for one destination."""

    def __init__(self, context: DestinationContext) -> None:
        self._setting = f"touched/{context.name}"
        self._journal = context.journal

    async def read(self) -> dict[str, str]:
        """All of them."""
        stored = await self._journal.get_setting(self._setting)
        with left_out("journal", self._setting):
            return msgspec.json.decode(stored or "{}", type=dict[str, str])
        return {}

    async def write(self, touched: Mapping[str, str]) -> None:
        """Replace them, when that makes a difference."""
        if touched != await self.read():
            await self._journal.set_setting(self._setting, msgspec.json.encode(touched).decode())

    async def forget(self, paths: Iterable[str]) -> None:
        """Our own edits of these are in the branch."""
        ours = set(paths)
        await self.write({path: commit for path, commit in (await self.read()).items() if path not in ours})


class Stale(Exception):
    """Somebody else moved the branch."""


class PushBatch(msgspec.Struct):
    """One batch in the local repository: its files are there, and in memory no more."""

    parent: str
    """The head that it was written on."""
    commits: Sequence[Commit]
    ids: Sequence[str]
    """One for each commit; that of its parent where a commit changed nothing."""
    sizes: Sequence[int] = ()
    """Bytes of file content of each commit."""
    entries: Sequence[Entry] = ()
    """The entries in these commits."""
    withheld: Sequence[tuple[int, Withheld, str]] = ()
    """Entries that cannot be placed beside what others have in the branch, and where their files stand."""
    overwrote: Sequence[str] = ()
    """Paths where a person's edit lies under ours now."""
    adopted: dict[str, bool] = {}
    """Files of people in which objects have their place, and whether these commits change them."""
    placed: Sequence[Sequence[int]] = ()
    """For each commit the `seq` of its entries; none at all for commits without entries."""

    @property
    def head(self) -> str:
        """The newest commit."""
        return self.ids[-1] if self.ids else self.parent

    @property
    def commit_of_entries(self) -> dict[int, str]:
        """`seq` -> commit, of entries that made a difference."""
        rows = zip(self.placed, self.ids, [self.parent, *self.ids], strict=False)
        return {seq: new for seqs, new, parent in rows if new != parent for seq in seqs}


class Pusher:
    """Pushes and acknowledges the batches of one destination."""

    def __init__(
        self,
        context: DestinationContext,
        repository: Repository,
        notes: Notes | None,
        before_push: Callable[[Sequence[str]], object],
    ) -> None:
        """`before_push` gets the commits before they are pushed: whatever becomes of that, they are ours."""
        self._context = context
        self._name = context.name
        self._journal = context.journal
        self._repository = repository
        self._metrics = context.metrics
        self._notes = notes
        self._before_push = before_push
        self._user_edits = UserEdits(context)
        self._owners = StoredOwners(context)

    async def run(self, batches: trio.MemoryReceiveChannel[PushBatch]) -> None:
        """Push batches in their order; raises Stale, TransientError or StalledError."""
        # Not `async with`, which lets the writer run between the end of its channel and the reason for it:
        # the writer's own error would then cancel us, and the reason would be lost. That the writer closes
        # its side with a checkpoint makes of its error a cancellation.
        with batches:
            async for batch in batches:
                await self._push_and_ack(batch)

    async def _push_and_ack(self, batch: PushBatch) -> None:
        if batch.head != batch.parent:
            await self._push(batch)
            self._count(batch)
            if self._context.on_pushed is not None:
                self._context.on_pushed(_pushed_of(batch, self._context.destination))
        await self._store_adopted(batch)
        await self._journal.ack(self._name, [entry.seq for entry in batch.entries], batch.head)
        self._observe_latency(batch.entries)
        if self._notes is not None:
            self._notes.landed(batch.commit_of_entries)
        if batch.overwrote:
            await self._user_edits.forget(batch.overwrote)
        if batch.withheld:
            await self._withhold(batch)
        self._context.health.recovered(self._context.subject)

    async def _store_adopted(self, batch: PushBatch) -> None:
        """Before the entries are acknowledged: after that nobody reads these commits again."""
        if not batch.adopted:
            return
        edits = (edit for commit in batch.commits for edit in commit.edits)
        removed = {edit.path: edit.content is None for edit in edits}
        await self._owners.add_adopted(batch.adopted, {path for path in batch.adopted if removed.get(path)})

    async def _withhold(self, batch: PushBatch) -> None:
        """Give entries up, unless the branch has moved: what stood in their way may be gone."""
        if await self._repository.fetch() != batch.head:
            raise Stale
        for seq, reason, file in batch.withheld:
            log.warning(
                "object withheld", object=str(reason.key), reason=reason.reason, message=reason.message
            )
            await self._journal.withhold(seq, reason, file)

    async def _push(self, batch: PushBatch) -> None:
        started = trio.current_time()
        self._before_push(batch.ids)
        result = await self._repository.push(batch.head, batch.parent)
        self._metrics.observe(
            "git_push_duration_seconds", trio.current_time() - started, destination=self._name
        )
        if not result.landed:
            raise _error_of(result)

    def _count(self, batch: PushBatch) -> None:
        commits, written, deleted, size, parent = 0, 0, 0, 0, batch.parent
        for commit, new, content_bytes in zip(batch.commits, batch.ids, batch.sizes, strict=True):
            if new != parent:
                files = sum(edit.content is not None for edit in commit.edits)
                commits += 1
                written += files
                deleted += len(commit.edits) - files
                size += content_bytes
            parent = new
        name = self._name
        self._metrics.count("commits", commits, destination=name)
        self._metrics.count("objects_written", written, destination=name)
        self._metrics.count("files_deleted", deleted, destination=name)
        self._metrics.count("commit_bytes", size, destination=name)
        last = batch.commits[-1].message.partition("\n")[0]
        log.info("pushed commits", destination=name, commits=commits, head=batch.head[:12], last_subject=last)

    def _observe_latency(self, entries: Sequence[Entry]) -> None:
        now = self._context.clock()
        for entry in entries:
            if entry.origin is Origin.LIVE and not excluded(entry):
                seconds = max(0.0, now - entry.appended_at)
                self._metrics.observe("change_to_push_seconds", seconds, destination=self._name)


def light(entry: Entry) -> Entry:
    """An entry without what it writes."""
    return msgspec.structs.replace(entry, edit=_light_edit(entry.edit), changes=())


def light_commit(commit: Commit) -> Commit:
    """A commit without what it writes."""
    return msgspec.structs.replace(commit, edits=tuple(map(_light_edit, commit.edits)))


def _light_edit(edit: Edit) -> Edit:
    return Edit(edit.path, None if edit.content is None else b"")


def _pushed_of(batch: PushBatch, destination: Destination) -> Pushed:
    parents = [batch.parent, *batch.ids]
    pairs = zip(batch.commits, batch.ids, parents, strict=False)
    commits = [_pushed_commit(commit, new) for commit, new, parent in pairs if new != parent]
    return Pushed(destination.name, destination.branch, batch.head, tuple(commits), destination.url)


def _pushed_commit(commit: Commit, new: str) -> PushedCommit:
    written = tuple(edit.path for edit in commit.edits if edit.content is not None)
    removed = tuple(edit.path for edit in commit.edits if edit.content is None)
    return PushedCommit(new, commit.author, commit.authored_at, commit.message, written, removed)


def _error_of(result: PushResult) -> Exception:
    match result.outcome:
        case PushOutcome.STALE:
            return Stale()
        case PushOutcome.REFUSED:
            hint = "let this login push to the branch, past its protection and hooks; changes wait meanwhile"
            return StalledError("PushRefused", result.message, hint=hint)
        case PushOutcome.DENIED:
            hint = result.hint or "check the destination's credentials and its rights to push"
            return StalledError(result.reason or "AccessDenied", result.message, hint=hint)
        case _:
            return TransientError(result.message or "the remote does not answer")
