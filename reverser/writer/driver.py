"""One destination: what is pending becomes commits, the commits become one push, the push is acknowledged.

A session begins by catching up with the remote and then turns plan after plan into pushes. Anything
but a clean push ends the session: the next one reads from the branch what has landed and rebuilds
the rest from the journal, so that a push whose fate is unknown can do no harm. Someone else's
commits are never touched, and nothing is ever forced.

Of several replicas one writes. A session asks whether it is still this one before it reads the branch, and
again once it has: what a new leader has pushed since would be in the branch that was read, and older entries
of ours must not be built on top of it. A writer that is no longer the leader's ends.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import structlog
import trio

from reverser.errors import ReverserError, StalledError, TransientError, unwrap_group
from reverser.model.commit import Commit, CommitPlan
from reverser.model.repository import Repository
from reverser.turns import Turns
from reverser.writer.catchup import CatchUp
from reverser.writer.commit_builder import build_commit
from reverser.writer.destination_context import DestinationContext
from reverser.writer.notes import Notes
from reverser.writer.plugin_files import Companions
from reverser.writer.push_retry import PushRetry
from reverser.writer.pusher import PushBatch, Pusher, Stale, light, light_commit
from reverser.writer.queue import Queue
from reverser.writer.repository_files import ExistingFiles

log = structlog.get_logger()

AT_ONCE = 8
MOST_SECONDS = 20.0
catching_up = Turns(AT_ONCE, MOST_SECONDS)
"""Of hundreds of destinations the first are ready soon, not all of them at the end."""

READING = "reading"
"""The step of a destination that opens and fetches; its failure is over when that works."""
WRITING = "writing"
"""All that comes after: over when a batch has landed, or nothing is left to write."""


class LeaseLost(Exception):
    """Another replica may write by now."""


class Writer:
    """Writes one destination until it is cancelled, or drained."""

    def __init__(self, context: DestinationContext, repository: Repository) -> None:
        self._context = context
        self._name = context.name
        self._subject = context.subject
        self._metrics = context.metrics
        self._health = context.health
        self._clock = context.clock
        self._repository = repository
        self._queue = Queue(context)
        self._catch_up = CatchUp(context, repository)
        notes = context.corrections is not None and context.destination.notes
        self._notes = Notes(context, repository) if notes else None
        self._companions = None if context.companions is None else Companions(context, repository)
        self._pusher = Pusher(context, repository, self._notes, self._catch_up.landed_entries.note_push)
        self._step = READING

    def drain(self) -> None:
        """Write what is journaled, then return from `run`."""
        self._queue.drain()

    async def run(self, ready: Callable[[], Awaitable[None]]) -> None:
        """Write until drained. `ready` returns when the first snapshots are in the journal."""
        await ready()
        async with trio.open_nursery() as nursery:
            if self._notes is not None:
                nursery.start_soon(self._notes.run)
            await self._sessions()
            nursery.cancel_scope.cancel()

    async def _sessions(self) -> None:
        retry = PushRetry()
        while True:
            self._queue.restart()
            began = trio.current_time()
            try:
                await self._session()
            except Stale:
                self._metrics.count("rebase_retries", destination=self._name)
                log.info("branch has new commits of others, rebuilding on top", destination=self._name)
                retry.reset()
            except LeaseLost:
                log.warning("another replica may lead, this writer ends", destination=self._name)
                return
            except (TransientError, StalledError) as error:
                self._health.failed(self._subject, error, step=self._step)
                await trio.sleep(retry.pause(error, trio.current_time() - began))
            else:
                return

    async def _session(self) -> None:
        """Write one batch while the one before it is pushed."""
        now = self._clock()
        self._step = READING
        async with catching_up.turn():
            await self._must_lead()
            head, existing = await self._catch_up.run(now)
            await self._must_lead()
        self._health.recovered(self._subject, step=READING)
        if self._context.on_read is not None:
            self._context.on_read(self._name, head)
        self._step = WRITING
        send, receive = trio.open_memory_channel[PushBatch](0)
        try:
            async with trio.open_nursery() as nursery, send:
                nursery.start_soon(self._pusher.run, receive)
                if self._companions is not None and (
                    first := await self._companions.update_all(head, now, existing.daemons)
                ):
                    first_batch = await self._write_commits(head, [first])
                    head = first_batch.head
                    await send.send(first_batch)
                elif self._health.is_stalled(self._subject):
                    await self._recover_when_idle()
                while plans := await self._queue.next():
                    batch = await self._write(plans, head, existing)
                    head = batch.head
                    await send.send(batch)
                    del plans, batch  # the files of a snapshot would stay in memory until the next change
        except BaseExceptionGroup as group:
            cancelled, rest = group.split(trio.Cancelled)
            if cancelled and (rest is None or rest.split((Stale, ReverserError))[1] is None):
                # Stopped in the moment in which something failed: it is tried again by the next process.
                raise cancelled from None
            raise unwrap_group(group, Stale, ReverserError) from None

    async def _must_lead(self) -> None:
        if not await self._context.holds_lease():
            raise LeaseLost

    async def _recover_when_idle(self) -> None:
        """With nothing pending, an earlier failure to write is over."""
        if not (await self._context.journal.backlog(self._name)).entries:
            self._health.recovered(self._subject)

    async def _write(self, plans: Sequence[CommitPlan], head: str, existing: ExistingFiles) -> PushBatch:
        built = [await build_commit(plan, self._context, existing) for plan in plans]
        commits = [each.commit for each in built if each.commit is not None]
        if self._companions is not None:
            commits = await self._companions.add_to(commits)
        batch = await self._write_commits(head, commits)
        batch.entries = [light(entry) for each in built for entry in each.entries]
        batch.placed = [[e.seq for e in each.entries] for each in built if each.commit is not None]
        batch.withheld = [row for each in built for row in each.withheld]
        batch.overwrote = [path for each in built for path in each.overwrote]
        for each in built:
            for path, changed in each.adopted.items():
                batch.adopted[path] = changed or batch.adopted.get(path, False)
        return batch

    async def _write_commits(self, head: str, commits: Sequence[Commit]) -> PushBatch:
        ids = await self._repository.write(commits, head) if commits else []
        sizes = [sum(edit.size for edit in commit.edits) for commit in commits]
        return PushBatch(parent=head, commits=[*map(light_commit, commits)], ids=ids, sizes=sizes)
