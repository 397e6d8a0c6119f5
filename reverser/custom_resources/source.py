"""Drives the custom resources: reads them, compiles what they mean, has the daemon adopt it, and answers in
statuses.

    reader, Secrets, host keys, access reviews ──▶ ClusterState ──compile──▶ Compiled ──adopt──▶ the daemon
    verdicts, activity of the destinations     ──▶ statuses and Events

Changes gather for a moment, so that one `kubectl apply` of many objects is compiled once. Nothing is adopted
before every kind was listed, found missing, or has failed once. A connection that is lost leaves all as it
is.
"""

from __future__ import annotations

import math
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence, Set
from typing import Any, Protocol, cast

import structlog
import trio

from reverser.config import Config
from reverser.custom_resources.access_reviews import AccessReviews
from reverser.custom_resources.activity import ActivityTracker
from reverser.custom_resources.api_types import PLURALS, AnyObject, GitRepoConfig, Kind
from reverser.custom_resources.compiler import Compiler
from reverser.custom_resources.deleted import DeletedConfigs
from reverser.custom_resources.events import EventSender
from reverser.custom_resources.model import ClusterState, Compiled, ObjectName, ObjectRef
from reverser.custom_resources.new_rules import NewRules
from reverser.custom_resources.pacing import Pacer, with_postponed
from reverser.custom_resources.proven import ProvenConfigs
from reverser.custom_resources.reader import ResourceReader
from reverser.custom_resources.reader_reports import ReaderReports
from reverser.custom_resources.recreated import RecreatedConfigs
from reverser.custom_resources.secret_followers import KnownHosts, SecretFollowers
from reverser.custom_resources.seed_beside import seed_beside
from reverser.custom_resources.statuses import Statuses
from reverser.errors import ReverserError, StalledError, TransientError, unwrap_group
from reverser.health import Health
from reverser.kube.client import Client
from reverser.kube.credentials import load
from reverser.kube.stream_health import api_backoff
from reverser.metrics import Metrics
from reverser.model.condition import Condition
from reverser.model.destination import Credentials
from reverser.model.journal import Journal
from reverser.model.push import Pushed
from reverser.model.resource import ResourceType
from reverser.unexpected_errors import BUG, bug

log = structlog.get_logger()

PART = "custom resources"
"""Of the daemon, in the count of contained bugs."""
GATHER_SECONDS = 0.05
COUNT_SECONDS = 15.0
"""Between two looks at how much waits for each destination."""
BESIDE_SECONDS = 60.0
"""Between two looks for GitOps Reverser in the same cluster."""
JOURNAL_SECONDS = 1.0
"""Between two tries of a journal that fails."""
SECRET_SECONDS = 2.0
"""How long what is compiled may wait for Secrets that nobody has read yet."""
PROGRESS_SECONDS = 1.0
"""Between two looks at snapshots that are not complete."""
MOST_COUNTED = 50
"""Destinations that are counted each time besides those that pushed since."""
MOST_PROGRESS = 20
"""Snapshots that are looked at each time."""


class DaemonView(Protocol):
    """What the source needs of the daemon."""

    async def adopt(self, compiled: Compiled) -> None:
        """Put these destinations and rules into force, besides those of the file; returns when they are."""

    def progress(self, destination: str) -> tuple[int, int]:
        """(how many types of a destination were listed, how many are watched for it)."""

    def retry(self, destination: str) -> None:
        """Have the destination's writer try again at once."""

    async def drop(self, destination: str) -> None:
        """Remove the clone and the metrics of a destination that is no more, unless one of its name began."""

    def types(self, cluster: str) -> Sequence[ResourceType]:
        """What a cluster serves, as far as its observer knows."""


class ResourceSource:
    """The custom resources of one process."""

    def __init__(
        self, config: Config, daemon: DaemonView, journal: Journal, metrics: Metrics, health: Health
    ) -> None:
        """The configuration has the table `[resources]`."""
        assert config.resources is not None
        self._daemon = daemon
        self._journal = journal
        self._resources = config.resources
        self._cluster = next(each for each in config.clusters if each.name == config.home_cluster)
        self._compiled = Compiled()
        self._adopted = Compiled()
        self._changed = trio.Event()
        self._secrets_until = math.inf
        """Until when what is compiled waits for Secrets that are being read."""
        self._slow_secrets: Set[ObjectName] = frozenset()
        """Those that it waited for in vain."""
        self._configure(config)
        self._reports = ReaderReports(self._cluster.name, health)
        self._reader = ResourceReader(self._cluster.name, self._resources, self._reports, self._change)
        self._secrets = SecretFollowers(self._change)
        self._known_hosts = KnownHosts(self._resources.known_hosts, self._change)
        self._reviews = AccessReviews(self._change, self._reports.reviews)
        self._events = EventSender()
        self._activity = ActivityTracker(self._acted, time.time)
        self._proven = ProvenConfigs(journal, self._change, trio.current_time)
        self._new_rules = NewRules(time.time)
        self._pacer = Pacer()
        self._statuses = Statuses(self._reader.status, self._activity, self._events, metrics)
        self._deleted = DeletedConfigs(journal, self._events, self._proven.forget, daemon.drop)
        self._recreated = RecreatedConfigs(journal, daemon.adopt, self._deleted.drop)

    def configure(self, config: Config) -> None:
        """The file was read again: its destinations and `[tenancy]` may be others."""
        self._configure(config)
        self._change()

    def _configure(self, config: Config) -> None:
        self._compiler = Compiler(config.tenancy, self._cluster.name, config.destinations)

    def credentials(self, destination: str) -> Credentials | None:
        """How to log in for a destination of a GitRepoConfig, as its Secret says now; None for others."""
        return self._compiled.credentials.get(destination)

    def condition(self, condition: Condition) -> None:
        """A condition of the daemon changed."""
        self._activity.condition(condition)
        self._statuses.condition(self._cluster.name, condition)
        self._proven.condition(condition)

    def read(self, destination: str, head: str) -> None:
        """The branch of a destination was read."""
        self._activity.read(destination, head)

    def pushed(self, pushed: Pushed) -> None:
        """A destination's remote took a push."""
        self._activity.pushed(pushed)
        self._proven.pushed(pushed)

    async def run(self) -> None:
        """Follow the custom resources until cancelled."""
        await self._proven.load()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._lasting, self._connections, "connection")
            nursery.start_soon(self._lasting, self._compile_changes, "compiling")
            nursery.start_soon(self._lasting, self._count, "counts")
            nursery.start_soon(self._lasting, self._look_at_progress, "progress")

    async def _lasting(self, task: Callable[[], Awaitable[None]], about: str) -> None:
        """A bug ends no task for good: what is in force stays, and the task begins again."""
        while True:
            try:
                await task()
            except Exception as error:
                bug(PART, about, error)
            await trio.sleep(1)

    async def _connections(self) -> None:
        backoff = api_backoff()
        while True:
            try:
                login = await load(self._cluster.kubeconfig, self._cluster.context)
                async with Client.open(login) as client, trio.open_nursery() as nursery:
                    parts = (self._reader, self._secrets, self._known_hosts, self._reviews, self._deleted)
                    for run in (*(part.run for part in parts), self._statuses.run, self._events.run):
                        nursery.start_soon(run, client)
                    nursery.start_soon(self._look_beside, client)
            except* (TransientError, StalledError) as group:
                self._reports.unreachable(cast("ReverserError", unwrap_group(group)))
            except* Exception as group:
                message = bug(PART, self._cluster.name, group).message
                self._reports.unreachable(StalledError(BUG, message))
            await trio.sleep(backoff.failed())

    async def _look_beside(self, client: Client) -> None:
        while True:
            self._reports.beside((await seed_beside(client)).installation)
            await trio.sleep(BESIDE_SECONDS)

    def _change(self) -> None:
        self._changed.set()

    async def _compile_changes(self) -> None:
        await self._reader.tried.wait()
        self._changed.set()
        while True:
            with trio.move_on_at(min(self._secrets_until, self._pacer.due)):
                await self._changed.wait()
            await trio.sleep(GATHER_SECONDS)
            self._changed = trio.Event()
            try:
                await self._compile()
            except (TransientError, StalledError):
                # The journal cannot be read or written: nothing is adopted before it can.
                await trio.sleep(JOURNAL_SECONDS)
                self._changed.set()

    async def _compile(self) -> None:
        newest, unreadable = self._reader.by_ref(), self._reader.unreadable
        objects = self._pacer.take(newest, trio.current_time())
        state = self._state(objects)
        compiled = with_postponed(self._compiler.compile(state), self._pacer.postponed)
        before, self._compiled = self._compiled, compiled
        self._secrets.follow(compiled.secrets)
        self._reviews.ask(compiled.questions)
        if self._waits_for_secrets(compiled):
            return
        self._adopted = await self._recreated.dropped(state.configs, self._adopted)
        self._proven.follow(state, compiled)
        self._activity.follow(compiled.destinations)
        if (compiled.destinations, compiled.rules) != (self._adopted.destinations, self._adopted.rules):
            await self._daemon.adopt(compiled)
            self._adopted = compiled
        # A Secret that was rotated is tried at once where the former one has failed.
        for destination in self._activity.to_retry(before.credentials, compiled.credentials):
            self._daemon.retry(destination)
        self._statuses.compiled(compiled, {**newest, **objects}, unreadable)
        self._answer_requests()
        if self._reader.has_all_configs:
            self._deleted.follow({ref.name for ref in (*newest, *unreadable) if ref.kind == "GitRepoConfig"})

    def _waits_for_secrets(self, compiled: Compiled) -> bool:
        """Whether to compile again in a moment: without its Secret a destination begins suspended."""
        unread = compiled.secrets - self._secrets.known
        now = trio.current_time()
        until = min(self._secrets_until, now + SECRET_SECONDS)
        waits = bool(unread - self._slow_secrets) and now < until
        self._secrets_until = until if waits else math.inf
        if not waits:
            self._slow_secrets = unread
        return waits

    def _state(self, objects: Mapping[ObjectRef, AnyObject]) -> ClusterState:
        reader = self._reader
        by_kind: dict[Kind, dict[ObjectName, Any]] = {kind: {} for kind in PLURALS}
        for ref, obj in objects.items():
            by_kind[ref.kind][ref.name] = obj
        configs = by_kind["GitRepoConfig"]
        return ClusterState(
            configs=configs,
            watch_rules=by_kind["WatchRule"],
            cluster_watch_rules=by_kind["ClusterWatchRule"],
            namespaces=reader.namespaces,
            secrets=dict(self._secrets.secrets),
            secret_errors=dict(self._secrets.errors),
            known_hosts=self._known_hosts.keys,
            types=reader.types,
            answers=dict(self._reviews.answers),
            proven=self._proven.among(configs),
            yielding=self._proven.yielding,
            new_rules=self._new_rules.among(reader.objects("WatchRule")),
        )

    def _answer_requests(self) -> None:
        """Look afresh at objects whose annotation asks for it."""
        for ref, obj in self._statuses.requests():
            if isinstance(obj, GitRepoConfig):
                if obj.spec.secret_ref is not None:
                    self._secrets.refresh(ObjectName(ref.name.namespace, obj.spec.secret_ref.name))
                self._activity.look_again(str(ref.name))
                self._daemon.retry(str(ref.name))
            self._reviews.refresh(ref.name.namespace)

    def _acted(self, destination: str) -> None:
        self._statuses.acted(destination)

    async def _count(self) -> None:
        """Keep the counts of what waits up to date, and correct statuses that somebody else wrote."""
        while True:
            await trio.sleep(COUNT_SECONDS)
            try:
                withheld = Counter(row.destination for row in await self._journal.withheld())
                names = [each.name for each in self._adopted.destinations]
                chosen = {*random.sample(names, min(len(names), MOST_COUNTED)), *self._activity.busy()}
                for name, backlog in (await self._journal.backlogs(chosen & {*names})).items():
                    self._activity.counted(name, backlog.entries, withheld[name])
                await self._proven.save()
            except (TransientError, StalledError):
                continue
            self._statuses.compare_all()

    async def _look_at_progress(self) -> None:
        """Follow first snapshots, the age of rules, and what the cluster's observer knows of its types."""
        observed = self._daemon.types(self._cluster.name)
        while True:
            await trio.sleep(PROGRESS_SECONDS)
            types = self._daemon.types(self._cluster.name)
            if types != observed:
                # A rule may name a type whose CRD was just made: the observer is the first to hear of it.
                observed = types
                self._reader.discover_again()
            if self._new_rules.aged():
                self._change()
            unread = self._activity.unread
            for name in random.sample(unread, min(len(unread), MOST_PROGRESS)):
                self._activity.progressed(name, *self._daemon.progress(name))
