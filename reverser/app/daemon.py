"""`reverser run`: the session, and what runs around it from start to end.

Reading the configuration again: a bad one is reported and the old one stays. A good one takes over and
restarts nothing that it does not concern.

The gauges are brought up to date when somebody reads `/metrics`.

With `[leader]` a session runs while this process leads (`app.leadership`), and only then are custom resources
read, and answered in statuses; everything else runs from start to end.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import msgspec
import structlog
import trio

from reverser.app.assembly import Assembly
from reverser.app.cluster_reports import forget_cluster
from reverser.app.dropped_clones import REPOSITORIES, remove_clone
from reverser.app.gauges import refresh
from reverser.app.leadership import Leadership
from reverser.app.second_source import SecondSource
from reverser.app.session import Session
from reverser.app.signals import receive
from reverser.app.startup import answering_probes, log_startup, opened_journal, withheld
from reverser.app.warm_clones import keep_warm
from reverser.app.withheld_conditions import PluginFailures, show_bugs
from reverser.attribution.fact_store import FactStore
from reverser.config import Config
from reverser.custom_resources.model import Compiled
from reverser.errors import ConfigError
from reverser.garbage_collector import freeze_gc
from reverser.health import Health
from reverser.http.probes import Probes, on_loopback
from reverser.http.server import serve
from reverser.journal.sqlite import keep_small
from reverser.kube.type_catalog import TypeCatalog
from reverser.metrics import Metrics
from reverser.model.condition import Condition
from reverser.model.journal import Journal
from reverser.model.resource import ObjectKey, ResourceType
from reverser.plugins import Host, Plugin
from reverser.webhook.server import WebhookEndpoints, listen
from reverser.webhook.upkeep import keep_registrations, listener

log = structlog.get_logger()

FIXED = ("data_dir", "operations", "log", "webhook", "audit", "plugins", "resources", "leader")
"""Settings that a running process keeps until it is started again."""


class Daemon:
    """One process: a journal, a listener, and the session of the moment."""

    def __init__(self, config: Config, reload: Callable[[], Config], host: Host | None = None) -> None:
        self._config = config
        self._reload = reload
        self._host = host or Host(disabled=config.plugins.disabled)
        self._stopping = self._ending_term = False
        self._assembly: Assembly | None = None
        self._session: Session | None = None
        self._second = SecondSource()
        self._resources, self._taking_over = trio.CancelScope(), trio.CancelScope()
        self._catalog = TypeCatalog()
        self._metrics = Metrics()
        self._host.count_with(self._metrics)
        self._health = Health(self._tell)
        self._health.expect("journal", "listeners")
        self._leadership = Leadership(config, self._metrics, self._health)
        share = self._leadership.share_digest_key
        self._share_key = partial(answering_probes, config, self._health, self._metrics, share)

    async def run(self, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED) -> None:
        """Run until a signal (or `stop`) ends it; starts with the URL of its probes."""
        self._token = trio.lowlevel.current_trio_token()
        await self._host.open(self._trouble)
        async with (
            opened_journal(self._config, self._share_key) as journal,
            trio.open_nursery() as nursery,
        ):
            log_startup(self._config)
            self._health.passed("journal")
            # Signals are received to the very end: a third one must not kill us while a push ends.
            working = trio.CancelScope()
            await nursery.start(receive, self, working)
            with working:
                await self._work(journal, nursery, task_status)
            nursery.cancel_scope.cancel()
        log.info("reverser stopped")

    async def _work(self, journal: Journal, nursery: trio.Nursery, task_status: trio.TaskStatus[str]) -> None:
        bind = self._config.operations.bind
        pages = partial(self._refresh, journal), partial(withheld, journal)
        probes = Probes(self._health, self._metrics, *pages, names=on_loopback(bind))
        url = await nursery.start(serve, probes, bind, "operations.bind")
        facts = await self._fact_store(journal, nursery)
        nursery.start_soon(show_bugs, journal, self._health)
        nursery.start_soon(keep_small, journal)
        failures = PluginFailures(self._host.failures, journal, self._health, self._try_again)
        nursery.start_soon(failures.run)
        self._health.passed("listeners")
        log.info("probes and metrics are served", url=url)
        freeze_gc()
        task_status.started(url)
        await self._leadership.run(partial(self._term, journal, facts), self._step_down, self._follow)
        await self._host.close()
        if facts is not None:
            await facts.save()

    @property
    def stopping(self) -> bool:
        """Whether it drains already."""
        return self._stopping

    @property
    def grace_seconds(self) -> float:
        """How long it may take to drain."""
        return self._config.grace_seconds

    @property
    def what_stays(self) -> str:
        """What becomes of changes that are not pushed when it has ended."""
        follows = self._config.leader is not None
        return "found again by the next leader" if follows else "pushed after the next start"

    def stop(self) -> None:
        """Drain and end."""
        self._stopping = True
        self._leadership.stop()
        self._taking_over.cancel()
        if self._session is not None:
            self._session.stop()

    async def _follow(self) -> None:
        folder, login = Path(self._config.data_dir) / REPOSITORIES, self._host.credentials
        await keep_warm(folder, self._config.destinations, login if self._host.plugins else None)

    def _step_down(self) -> None:
        """Observe nothing and answer no custom resource from now on; what is journaled is pushed."""
        self._ending_term = True
        self._taking_over.cancel()
        self._resources.cancel()
        if self._session is not None:
            self._session.stop()

    async def _fact_store(self, journal: Journal, nursery: trio.Nursery) -> FactStore | None:
        """Listen for API servers, when the configuration says so; what waits for them is settled anyway."""
        config = self._config
        facts = FactStore(journal, self._metrics, self._health, config.audit.grace_seconds)
        await facts.load(cluster.name for cluster in config.clusters)
        if config.webhook is not None:
            webhooks = WebhookEndpoints(config, journal.key, facts, self._catalog, self._metrics)
            await nursery.start(listen, config, webhooks)
        nursery.start_soon(facts.attributor.run)
        return None if config.webhook is None else facts

    async def _term(self, journal: Journal, facts: FactStore | None) -> None:
        """Observe and write for as long as this process leads, or to the end."""
        self._ending_term, self._resources, self._second = False, trio.CancelScope(), SecondSource()
        takeover = self._leadership.takeover(journal, lambda: self._assembly, self._catalog)
        with trio.CancelScope() as self._taking_over:
            if not self._stopping:
                await takeover.begin()
        if self._stopping or self._ending_term:
            return
        async with trio.open_nursery() as nursery:
            if self._config.webhook is not None:
                nursery.start_soon(keep_registrations, self._config.clusters, listener(self._config))
            if self._config.resources is not None:
                nursery.start_soon(self._follow_resources, journal)
            nursery.start_soon(takeover.keep)
            await self._observe_and_write(journal, facts)
            nursery.cancel_scope.cancel()
        if not self._stopping:
            self._forget_session()

    async def _follow_resources(self, journal: Journal) -> None:
        with self._resources:
            await self._second.begin(self._config, self, journal, self._metrics, self._health)()

    async def _observe_and_write(self, journal: Journal, facts: FactStore | None) -> None:
        self._digest_key = journal.key
        self._assembly = self._assembled()
        self._session = Session(
            self._assembly,
            journal,
            self._metrics,
            self._health,
            attributor=None if facts is None else facts.attributor,
            catalog=self._catalog,
            holds_lease=self._leadership.confirm,
        )
        await self._session.run()

    def _forget_session(self) -> None:
        """A follower neither waits for clusters nor says what is wrong with destinations."""
        for cluster in self._config.clusters:
            forget_cluster(self._health, cluster.name)
            self._health.forget(f"custom-resources/{cluster.name}")
        for destination in self._assembly.destinations if self._assembly is not None else ():
            self._health.forget(destination.subject)
            self._metrics.forget(destination=destination.name)
        self._session = self._assembly = None

    async def _refresh(self, journal: Journal) -> None:
        self._host.flush()
        await refresh(self._metrics, self._health, journal, self._destinations)

    def _destinations(self) -> Sequence[str]:
        """Those of a follower are the leader's affair: what it has yet to push says nothing here."""
        if self._session is None and not self._leadership.held():
            return ()
        return [each.name for each in self._second.combined(self._config).destinations]

    def reload(self) -> trio.Event | None:
        """Read the configuration again; the event is set once it is in force. None: it never will be."""
        try:
            config = self._reload()
        except ConfigError as error:
            for problem in error.problems:
                log.error("new configuration is invalid, the old one stays in force", problem=str(problem))
            return None
        for name in FIXED:
            if getattr(config, name) != getattr(self._config, name):
                log.warning("changed setting requires a restart", setting=name)
        new = {c.name for c in config.clusters} - {c.name for c in self._config.clusters}
        if config.webhook and new:
            log.warning("webhook calls of a new cluster require a restart", clusters=sorted(new))
        fixed = {name: getattr(self._config, name) for name in FIXED}
        self._config = msgspec.structs.replace(config, **fixed)
        log.info("configuration reloaded")
        self._second.configure(self._config)
        return self._take_over()

    async def adopt(self, compiled: Compiled) -> None:
        """Put what the custom resources mean into force, besides the file; returns when it is."""
        if self._second.adopt(compiled):
            in_force = self._take_over()
            if in_force is not None:
                await in_force.wait()

    def progress(self, destination: str) -> tuple[int, int]:
        """(how many types of a destination were listed, how many are watched for it)."""
        return (0, 0) if self._session is None else self._session.progress(destination)

    def retry(self, destination: str) -> None:
        """Have the destination's writer try again at once."""
        if self._session is not None:
            self._session.retry(destination)

    async def drop(self, destination: str) -> None:
        """Remove the clone and the metrics of a destination that is no more, unless one of its name began."""
        folder = Path(self._config.data_dir) / REPOSITORIES
        if await remove_clone(folder, destination, self._written):
            self._metrics.drop(destination=destination)

    def _written(self) -> Collection[str]:
        return () if self._session is None else self._session.written

    def types(self, cluster: str) -> Sequence[ResourceType]:
        """What a cluster serves, as far as its observer knows."""
        return self._catalog.of(cluster).types

    def _assembled(self) -> Assembly:
        """The configuration of now, with what the custom resources add."""
        combined = self._second.combined(self._config)
        return self._second.connect(Assembly(combined, self._digest_key, self._host, self._assembly))

    def _take_over(self) -> trio.Event | None:
        """Have the configuration of now take over; the event is set once it is in force."""
        if self._session is None or self._stopping:
            return None
        self._assembly = self._assembled()
        return self._session.adopt(self._assembly)

    def _try_again(self, keys: Collection[ObjectKey]) -> bool:
        """List the types of these objects again."""
        if self._session is None or self._stopping or not self._session.has_first_lists:
            return False
        log.info("retrying objects that a plugin withheld")
        self._session.list_again(lambda stream: any(map(stream.holds, keys)))
        return True

    def _trouble(self, plugin: Plugin, what: str, about: str) -> None:
        """Called in the plugin's thread, which may outlive us."""
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._report, plugin, what, about)

    def _report(self, plugin: Plugin, what: str, about: str) -> None:
        subject = f"plugin/{plugin.name}/{about}".rstrip("/")
        if what:
            self._health.stalled(subject, "PluginFailed", what)
        else:
            self._health.recovered(subject)

    def _tell(self, condition: Condition) -> None:
        alarming = condition.type in ("Stalled", "StartedOver") and condition.status
        report = log.warning if alarming else log.info
        report(
            "condition changed",
            type=condition.type,
            status=condition.status,
            subject=condition.subject,
            reason=condition.reason,
            message=condition.message,
        )
        self._host.condition(condition)
        self._second.condition(condition)
