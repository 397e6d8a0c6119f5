"""`reverser audit replay`: turns audit logs into the history of a branch.

A replay has its own journal below the data directory, one for each cluster, branch and folder, so a daemon
may run at the same time. It begins like the daemon, by catching up with the branch: what an earlier replay
journaled is pushed, and the trailers of the branch say which writes it has. Then logs are read and commits
written concurrently; the length of the journal limits how far reading is ahead.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import msgspec
import structlog
import trio

from reverser.app.assembly import Assembly, keep_meanings
from reverser.app.startup import opened_journal
from reverser.app.writers import WriterFactory
from reverser.config import Config
from reverser.errors import StalledError
from reverser.git.repository import open_repository
from reverser.health import Health
from reverser.journal.read_only import open_read_only
from reverser.metrics import Metrics
from reverser.model.condition import Condition
from reverser.model.destination import Destination
from reverser.model.entry import Append
from reverser.model.journal import Journal
from reverser.model.push import Pushed
from reverser.model.repository import Landed, Repository
from reverser.model.resource import ResourceType
from reverser.plugins import Host
from reverser.replay.absent_paths import PREFIX as PATHS_PREFIX
from reverser.replay.event_writes import Wants
from reverser.replay.intake import SEEN, Replay
from reverser.replay.known_writes import parse_trailer, trailer_path
from reverser.replay.log_merge import LOG, AuditLogs
from reverser.replay.resource_types import LoggedTypes
from reverser.replay.summary import Summary, coverage, folder
from reverser.select.resource_patterns import SETTING, merge_settings
from reverser.sops.program import programs
from reverser.writer.driver import Writer
from reverser.writer.file_owner import inside

log = structlog.get_logger()

LEAD = 5000
"""Entries that reading may be ahead of writing."""
POLL_SECONDS = 0.05
PROGRESS_SECONDS = 5.0


Progress = Callable[[Summary, str, float], None]
"""(so far, the log that is being read, how much of it was)."""


def unobserved(_summary: Summary, _log: str, _part: float) -> None:
    """Tell nobody."""


async def replay(
    config: Config, host: Host, cluster: str, paths: Sequence[str], progress: Progress = unobserved
) -> Summary:
    """Replay logs of a cluster into the one destination of `config`.

    Raises StalledError when a log, the journal or the remote cannot be used.
    """
    failed: list[Condition] = []
    scope = trio.CancelScope()

    def notice(condition: Condition) -> None:
        if condition.type == "Stalled" and condition.status:
            failed.append(condition)
            scope.cancel()

    summary = Summary()
    private = msgspec.structs.replace(config, data_dir=str(folder(config, cluster)))
    with open_read_only(Path(config.data_dir)) as daemon:
        meant = daemon.get_settings(SETTING)
    with scope:
        async with opened_journal(private) as journal, host.logging_in():
            meant = merge_settings(meant, await journal.get_settings(SETTING))
            run = _Run(private, host, cluster, journal, Health(notice), summary, progress, meant)
            await run.run(paths)
    if failed:
        raise StalledError(failed[0].reason, f"{failed[0].subject}: {failed[0].message}")
    return summary


class _Run:
    """One replay, with its journal open."""

    def __init__(
        self,
        config: Config,
        host: Host,
        cluster: str,
        journal: Journal,
        health: Health,
        summary: Summary,
        progress: Progress,
        meant: Mapping[str, str],
    ) -> None:
        """`meant` is what journals know of patterns."""
        self._assembly = Assembly(config, journal.key, host)
        self._meanings = self._assembly.meanings(meant)
        self._coverage = coverage(config, host)
        self._cluster = cluster
        self._journal = journal
        self._health = health
        self._summary = summary
        self._progress = progress
        self._types = LoggedTypes(self._meanings)
        self._plurals: dict[tuple[str, str], ResourceType] = {}
        self._writers = WriterFactory(
            self._assembly, journal, Metrics(), health, self._resolve, lambda _: None
        )
        (self._route,) = self._assembly.routes[cluster]
        # Nobody else writes to this branch: what a replay with another data_dir wrote is ours.
        self._followed = msgspec.structs.replace(self._route.destination, adopt=True)
        self._encrypter = programs([self._route.destination]).get(self._route.destination.name)
        self._replay = Replay(cluster, self._route, self._types, journal, health, self._encrypter)

    async def run(self, paths: Sequence[str]) -> None:
        if self._encrypter is not None:
            await self._encrypter.probe()
        with _open_logs(paths, self._types, self._wants) as logs:
            async with self._repository() as repository:
                trailers = await self._read_branch(repository)
                await self._catch_up(repository)
                await self._replay.open(trailers)
                logs.resume(await self._journal.get_settings(LOG), self._coverage)
                await self._replay_and_write(repository, logs)
            self._count(logs)
        await keep_meanings(self._journal, self._meanings)
        self._summary.withheld = await self._journal.withheld()
        self._summary.absent = self._replay.absent.missing()
        for type_name, missing in self._summary.absent.items():
            log.warning(
                "no object has this path of [[sensitive]]",
                cluster=self._cluster,
                type=type_name,
                paths=missing,
            )

    def _wants(self, type_: ResourceType) -> bool:
        if self._route.wants_type(type_):
            return True
        patterns = (pattern for rule in self._route.rules for pattern in rule.rule.resources)
        if pattern := self._types.doubtful(type_, patterns):
            self._summary.doubts[type_.name] = pattern
        return False

    @property
    def _destination(self) -> Destination:
        return self._route.destination

    @asynccontextmanager
    async def _repository(self) -> AsyncIterator[Repository]:
        folder = Path(self._assembly.config.data_dir) / "repository"
        async with open_repository(folder, self._destination, login=self._assembly.login) as repository:
            yield repository

    async def _read_branch(self, repository: Repository) -> list[str]:
        """What the branch tells of the past, as far as the journal does not know the commits."""
        head, known = await repository.fetch(), await self._journal.head(self._destination.name)
        if known and not head:
            await self._start_over()
        landed = await repository.landed(known, head) if head and head != known else []
        mine = [commit for commit in landed if commit.cluster == self._cluster]
        trailers = [trailer for commit in mine for trailer in commit.audits if self._is_ours(trailer, commit)]
        for parsed in filter(None, map(parse_trailer, trailers)):
            self._name_type(*parsed[:2])
        return trailers

    def _is_ours(self, trailer: str, commit: Landed) -> bool:
        """Whether a trailer is of this destination: another one in the branch knows nothing for us.

        Raises StalledError where one is inside the other: nobody could tell whose a file is.
        """
        path, ours = trailer_path(trailer), self._destination.path.strip("/")
        if path is not None:
            if path != ours and (inside(path, ours) or inside(ours, path)):
                raise _nested_paths_error(self._destination, path)
            return path == ours
        return not ours or any(inside(each, ours) for each in commit.paths)

    async def _start_over(self) -> None:
        """The branch was removed: whoever did it wants it written anew."""
        await self._journal.forget_destination(self._destination.name)
        facts = [
            name for part in (LOG, SEEN, PATHS_PREFIX) for name in await self._journal.get_settings(part)
        ]
        await self._journal.append(Append(settings=dict.fromkeys(facts, "")))

    async def _catch_up(self, repository: Repository) -> None:
        """Catch up with the branch, and let land what is journaled."""
        writer = Writer(self._writers.context(self._followed, self._pushed), repository)
        writer.drain()
        await writer.run(_at_once)

    async def _replay_and_write(self, repository: Repository, logs: AuditLogs) -> None:
        writer = Writer(self._writers.context(self._followed, self._pushed), repository)
        async with trio.open_nursery() as telling:
            telling.start_soon(self._report_progress, logs)
            async with trio.open_nursery() as writing:
                writing.start_soon(writer.run, _at_once)
                await self._read(logs)
                writer.drain()
            telling.cancel_scope.cancel()

    async def _read(self, logs: AuditLogs) -> None:
        while (batch := await trio.to_thread.run_sync(logs.next, abandon_on_cancel=True)) is not None:
            await self._replay.take(batch.writes, batch.positions)
            while (await self._journal.backlog(self._destination.name)).entries > LEAD:
                await trio.sleep(POLL_SECONDS)

    def _pushed(self, pushed: Pushed) -> None:
        self._summary.commits += len(pushed.commits)
        if self._assembly.on_pushed is not None:
            self._assembly.on_pushed(pushed)

    async def _report_progress(self, logs: AuditLogs) -> None:
        while True:
            await trio.sleep(PROGRESS_SECONDS)
            self._count(logs)
            self._progress(self._summary, *logs.progress)

    def _count(self, logs: AuditLogs) -> None:
        lines, results, summary = logs.counts, self._replay.results, self._summary
        summary.read, summary.quiet = lines["read"], lines["quiet"]
        summary.unreadable, summary.unfinished = lines["unreadable"], lines["unfinished"]
        summary.unchanged, summary.known = results["unchanged"], results["known"]
        summary.unselected = lines["unselected"] + results["unselected"] + results["excluded"]
        summary.gaps, summary.damage = dict(self._replay.gaps), logs.damage

    def _name_type(self, object_id: str, kind: str) -> None:
        """Branches tell kinds and plurals: without a cluster nobody else would, before the log is read."""
        namespace, type_name, _ = object_id.split("/", 2)
        plural, _, group = type_name.partition(".")
        self._plurals[group, kind] = ResourceType(group, "", plural, kind, namespace != "_cluster")

    def _resolve(self, _cluster: str, group: str, kind: str) -> ResourceType | None:
        return self._plurals.get((group, kind))


def _nested_paths_error(destination: Destination, path: str) -> StalledError:
    theirs, ours = (repr(each) if each else "the root" for each in (path, destination.path.strip("/")))
    message = (
        f"{destination.branch} holds a replay into {theirs}, and {destination.name!r} writes into {ours}"
    )
    return StalledError("BranchShared", message, hint="name another branch with --branch")


@contextmanager
def _open_logs(paths: Sequence[str], types: LoggedTypes, wants: Wants) -> Iterator[AuditLogs]:
    """Not closed when it fails: a thread may still be waiting for a line."""
    logs = AuditLogs(paths, types, wants)
    yield logs
    logs.close()


async def _at_once() -> None:
    """Nothing is waited for."""
