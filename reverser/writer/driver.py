"""One destination: what is pending becomes commits, the commits become one push, the push is acknowledged.

A session begins by catching up with the remote and then turns plan after plan into pushes. Anything
but a clean push ends the session: the next one reads from the branch what has landed and rebuilds
the rest from the journal, so that a push whose fate is unknown can do no harm. Someone else's
commits are never touched, and nothing is ever forced.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import structlog
import trio

from reverser.errors import ReverserError, StalledError, TransientError
from reverser.health import Health
from reverser.metrics import Metrics
from reverser.model.change import Origin
from reverser.model.commit import Commit, CommitPlan, PushOutcome, PushResult
from reverser.model.destination import Destination
from reverser.model.entry import Entry
from reverser.model.ports import Journal, Repository
from reverser.writer.catchup import CatchUp
from reverser.writer.foreign import Foreign
from reverser.writer.prepare import prepare
from reverser.writer.queue import Queue

log = structlog.get_logger()

RETRY_SECONDS = 0.5
RETRY_SECONDS_MOST = 30.0
STALLED_SECONDS = 30.0


class Stale(Exception):  # an answer between two methods of this module, never seen outside
    """Somebody else moved the branch."""


class Writer:
    """Writes one destination until it is cancelled, or drained."""

    def __init__(
        self,
        destination: Destination,
        queue: Queue,
        catch_up: CatchUp,
        journal: Journal,
        repository: Repository,
        metrics: Metrics,
        health: Health,
        clock: Callable[[], float],
    ) -> None:
        self._destination = destination
        self._name = destination.name
        self._subject = f"destination/{destination.name}"
        self._queue = queue
        self._catch_up = catch_up
        self._journal = journal
        self._repository = repository
        self._metrics = metrics
        self._health = health
        self._clock = clock

    def drain(self) -> None:
        """Write what is journaled, then return from `run`."""
        self._queue.drain()

    async def run(self, ready: Callable[[], Awaitable[None]]) -> None:
        """Write until drained. `ready` returns when the first snapshots are in the journal."""
        await ready()
        pause = RETRY_SECONDS
        while True:
            self._queue.restart()
            try:
                await self._session()
            except Stale:
                self._metrics.count("rebase_retries", destination=self._name)
                log.info("branch moved by somebody else, rebuilding on top", destination=self._name)
                pause = RETRY_SECONDS
            except TransientError as error:
                self._report(error)
                await trio.sleep(error.retry_after or pause)
                pause = min(2 * pause, RETRY_SECONDS_MOST)
            except StalledError as error:
                self._report(error)
                await trio.sleep(STALLED_SECONDS)
            else:
                return

    async def _session(self) -> None:
        head, foreign = await self._catch_up.run(self._clock())
        self._health.recovered(self._subject)
        while plans := await self._queue.next():
            head = await self._land(plans, head, foreign)

    async def _land(self, plans: Sequence[CommitPlan], head: str, foreign: Foreign) -> str:
        commits: list[Commit] = []
        entries: list[Entry] = []
        for plan in plans:
            commit, kept = await prepare(plan, self._destination, foreign, self._journal, self._clock())
            if commit is not None:
                commits.append(commit)
                entries += kept
        ids = await self._repository.write(commits, head) if commits else []
        new = ids[-1] if ids else head
        if new != head:
            await self._push(new)
            self._count(commits, ids, head)
        await self._journal.ack(self._name, [entry.seq for entry in entries], new)
        self._landed(entries)
        return new

    async def _push(self, head: str) -> None:
        started = trio.current_time()
        result = await self._repository.push(head)
        self._metrics.observe(
            "git_push_duration_seconds", trio.current_time() - started, destination=self._name
        )
        if not result.landed:
            raise _failure(result)
        self._health.recovered(self._subject)

    def _count(self, commits: Sequence[Commit], ids: Sequence[str], head: str) -> None:
        name, made, parent = self._name, 0, head
        for commit, new in zip(commits, ids, strict=True):
            if new != parent:
                made += 1
                written = [edit for edit in commit.edits if edit.content is not None]
                size = sum(len(edit.content or b"") for edit in written)
                self._metrics.count("objects_written", len(written), destination=name)
                self._metrics.count("files_deleted", len(commit.edits) - len(written), destination=name)
                self._metrics.count("commit_bytes", size, destination=name)
            parent = new
        self._metrics.count("commits", made, destination=name)
        subjects = [commit.message.partition("\n")[0] for commit in commits]
        log.info("pushed", destination=name, commits=made, head=ids[-1][:12], last=subjects[-1])

    def _landed(self, entries: Sequence[Entry]) -> None:
        now = self._clock()
        for entry in entries:
            if entry.origin is Origin.LIVE:
                seconds = max(0.0, now - entry.appended_at)
                self._metrics.observe("change_to_push_seconds", seconds, destination=self._name)

    def _report(self, error: ReverserError) -> None:
        reason = error.reason if isinstance(error, StalledError) else "Unreachable"
        hint = f" ({error.hint})" if error.hint else ""
        self._health.stalled(self._subject, reason, f"{error.message}{hint}")


def _failure(result: PushResult) -> Exception:
    match result.outcome:
        case PushOutcome.STALE:
            return Stale()
        case PushOutcome.REFUSED:
            hint = "the remote's policy refuses this push; changes stay in the journal"
            return StalledError("PushRefused", result.message, hint=hint)
        case PushOutcome.DENIED:
            hint = "check the destination's credentials and its rights to push"
            return StalledError("AccessDenied", result.message, hint=hint)
        case _:
            return TransientError(result.message or "the remote does not answer")
