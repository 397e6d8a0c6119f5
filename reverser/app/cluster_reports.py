"""What an observer tells, as log lines, metrics, conditions and readiness: once a change of state.

It warns, once a session, of rules that select nothing in a cluster as it is when it was listed.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

import msgspec
import structlog

from reverser.app.assembly import Assembly
from reverser.config import Cluster, Config
from reverser.config.unmatched_patterns import Unmatched, empty, unmatched
from reverser.errors import ReverserError, StalledError, TransientError
from reverser.health import Health
from reverser.kube import credentials
from reverser.kube.client import Client
from reverser.kube.cluster_info import namespaces
from reverser.kube.discovery import CORE
from reverser.kube.errors import Faulty, Forbidden, Rejected, Stuck, Unreachable
from reverser.metrics import Metrics
from reverser.model.change import Stream
from reverser.model.condition import Condition
from reverser.model.destination import is_of_resource
from reverser.model.resource import ResourceType
from reverser.sanitize.sensitive_values import CLARIFY

log = structlog.get_logger()

MOST_TYPES_NAMED = 5
FAILURES_TOLD = 3
"""Failures in a row after which a type's trouble becomes a condition, whatever the error."""
UNPROVEN_SECONDS = 120.0
"""How long connections of one type may fail while the API server answers: bookmarks come every minute."""


class ClusterReports:
    """Implements `kube.stream_health.Reports` for one cluster."""

    def __init__(self, config: Config, cluster: str, metrics: Metrics, health: Health) -> None:
        self._unclear = set[str]()
        self._config = _of_file(config)
        self._logged: set[str] = set()
        self._cluster = cluster
        self._metrics = metrics
        self._health = health
        self._check = _check_of(cluster)
        self._failures: dict[str, str] = {}
        self._in_a_row: Counter[str] = Counter()
        self._unreached: dict[str, tuple[float, ReverserError]] = {}
        self._away = False
        self._connected: tuple[str, str] | None = None
        self._anew: set[str] = set()
        self._listed = 0
        self._objects = 0
        self.streams: Sequence[Stream] = ()
        """What is watched now."""
        health.expect(self._check)

    def adopt(self, config: Config) -> None:
        """Another configuration is in force."""
        self._config = _of_file(config)

    def close(self) -> None:
        """The cluster is no longer observed."""
        forget_cluster(self._health, self._cluster)

    @property
    def failures(self) -> list[str]:
        """Streams that do not work now, and why."""
        return [f"{stream}: {why}" for stream, why in sorted(self._failures.items())]

    def connected(self, server: str, version: str) -> None:
        # Told once discovery works: until then nothing is read, and each try would say so anew.
        self._connected = (server, version)

    def unreachable(self, error: ReverserError) -> None:
        self._away = True
        self._health.failed(f"cluster/{self._cluster}", error, "ApiServerUnreachable")

    def discovered(self, types: Sequence[ResourceType], degraded: Mapping[str, str]) -> None:
        self._warn(unmatched(self._config, self._cluster, types))
        self._health.passed(self._check)
        self._health.recovered(f"cluster/{self._cluster}")
        self._tell_connected()
        self._tell_unreached()
        subject = f"discovery/{self._cluster}"
        if degraded:
            groups = ", ".join(f"{group or CORE}: {why}" for group, why in sorted(degraded.items()))
            self._health.stalled(subject, "GroupsDegraded", f"their last known types are kept: {groups}")
        else:
            self._health.recovered(subject)

    def _tell_connected(self) -> None:
        if self._connected is not None:
            server, version = self._connected
            self._connected = None
            log.info("connected to API server", cluster=self._cluster, server=server, version=version)

    def _tell_unreached(self) -> None:
        """Streams without a connection, though the API server itself has been there all the time."""
        if self._away:
            self._away = False
            for stream in self._unreached:
                del self._in_a_row[stream]
            self._unreached.clear()
        now = time.monotonic()
        for stream, (since, error) in self._unreached.items():
            if self._in_a_row[stream] >= FAILURES_TOLD and now - since >= UNPROVEN_SECONDS:
                self._health.failed(f"type/{stream}", error, type(error).__name__)

    def _warn(self, misspelt: Iterable[Unmatched]) -> None:
        """Once, of what may be spelled otherwise."""
        for each in misspelt:
            if str(each) not in self._logged:
                self._logged.add(str(each))
                log.warning(
                    "pattern matches no resource type",
                    cluster=self._cluster,
                    key=each.key,
                    pattern=each.pattern,
                    consequence=each.then,
                    hint=each.hint,
                )

    def watching(self, streams: Sequence[Stream]) -> None:
        self.streams = streams
        watched_ids = {stream.id for stream in streams}
        for stream in [stream for stream in self._failures if stream not in watched_ids]:
            del self._failures[stream]
            self._unreached.pop(stream, None)
            self._health.recovered(f"type/{stream}")
        self._show_unclear(streams)
        log.info(
            "watching resource types",
            cluster=self._cluster,
            types=len({stream.type.name for stream in streams}),
        )

    def _show_unclear(self, streams: Iterable[Stream]) -> None:
        """A condition for each pattern because of which objects are withheld."""
        by_pattern: dict[str, set[str]] = {}
        for stream in streams:
            if stream.type.perhaps:
                by_pattern.setdefault(stream.type.perhaps, set()).add(stream.type.name)
        for pattern in self._unclear - by_pattern.keys():
            self._health.recovered(f"sensitive/{self._cluster}/{pattern}")
        for pattern, names in by_pattern.items():
            shown = ", ".join(sorted(names)[:MOST_TYPES_NAMED])
            more = f" and {len(names) - MOST_TYPES_NAMED} more" if len(names) > MOST_TYPES_NAMED else ""
            message = (
                f"no served type is called that; it may mean {shown}{more}: these are withheld ({CLARIFY})"
            )
            self._health.stalled(f"sensitive/{self._cluster}/{pattern}", "PatternMatchesNothing", message)
        self._unclear = set(by_pattern)

    def listed(self, stream: Stream, objects: int) -> None:
        self._listed += 1
        self._objects += objects
        self._anew.discard(stream.id)
        progress = f"{self._listed}/{len(self.streams)}" if self._listed <= len(self.streams) else "again"
        log.info(
            "listed resource type",
            cluster=self._cluster,
            type=stream.type.name,
            objects=objects,
            progress=progress,
        )

    def restarted(self, stream: Stream, reason: str) -> None:
        self._metrics.count("watch_restarts", cluster=self._cluster, reason=reason)
        log.debug("watch restarts", stream=stream.id, reason=reason)

    def failed(self, stream: Stream, error: ReverserError) -> None:
        self._failures[stream.id] = error.message
        self._in_a_row[stream.id] += 1
        if isinstance(error, Unreachable):
            # A lost connection may be the whole cluster's affair: discovery will tell.
            since, _ = self._unreached.get(stream.id, (time.monotonic(), error))
            self._unreached[stream.id] = (since, error)
            return
        # A new type may answer 404 for a moment.
        at_once = isinstance(error, Forbidden | Faulty | Rejected | Stuck)
        if at_once or self._in_a_row[stream.id] >= FAILURES_TOLD:
            self._health.failed(f"type/{stream.id}", error, type(error).__name__)

    def recovered(self, stream: Stream) -> None:
        self._unreached.pop(stream.id, None)
        if self._failures.pop(stream.id, None) is not None:
            del self._in_a_row[stream.id]
            self._health.recovered(f"type/{stream.id}")

    def started_over(self, stream: Stream | None, why: str) -> None:
        """Told once for all types that meet it, and shown until the next start."""
        if stream is not None and self._anew:
            self._anew.add(stream.id)
            return
        if stream is not None:
            self._anew.add(stream.id)
            why = f"{stream.type.name}: {why}"
        message = (
            f"the API server was restored from a backup or recreated ({why}); everything is listed again"
        )
        subject = f"cluster/{self._cluster}"
        self._health.report(Condition("StartedOver", subject, True, "ServerStartedOver", message))


def forget_cluster(health: Health, cluster: str) -> None:
    """The cluster is no longer observed: readiness does not wait for it, and its conditions are no more."""
    for part in ("cluster", "discovery", "type", "sensitive"):
        health.forget(f"{part}/{cluster}")
    health.forget(_check_of(cluster))


def _check_of(cluster: str) -> str:
    return f"discovery of {cluster}"


def _of_file(config: Config) -> Config:
    """Without what custom resources add: their status tells what of them selects nothing."""
    rules = tuple(rule for rule in config.rules if not is_of_resource(rule.destination))
    return msgspec.structs.replace(config, rules=rules)


async def warn_of_empty_rules(cluster: Cluster, assembly: Assembly, types: Sequence[ResourceType]) -> None:
    """Ask for the namespaces, where some rule names one; a cluster that does not answer is told elsewhere."""
    rules = [rule for rule in assembly.compiled(cluster.name) if not is_of_resource(rule.rule.destination)]
    if not types:
        return
    known = None
    if any(rule.rule.namespaces != ("*",) for rule in rules):
        try:
            login = await credentials.load(cluster.kubeconfig, cluster.context)
            async with Client.open(login) as client:
                known = await namespaces(client)
        except (TransientError, StalledError):
            pass
    for line in empty(rules, types, known):
        log.warning("rule selects nothing", cluster=cluster.name, rule=line)
