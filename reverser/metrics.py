"""What the daemon counts, as OpenTelemetry instruments with a Prometheus exposition.

Every instrument is a row of `INSTRUMENTS`: its Prometheus name, its kind and one sentence, which
`docs/metrics.md` repeats (a test compares them). Counters are written without the `_total` that
the exposition adds. Names under `gitopsreverser_` follow the seed project, so that its dashboards
and alert rules keep working. Gauges are set by their owners; nothing here reads a clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeAlias, cast

import msgspec
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View
from prometheus_client import CollectorRegistry, Metric, generate_latest

from reverser import unexpected_errors

Kind: TypeAlias = Literal["counter", "gauge", "histogram"]
SECONDS_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class Instrument(msgspec.Struct, frozen=True):
    """One metric: name without prefix and `_total`, kind, labels, and a sentence for the reader."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str
    unit: str = ""


PREFIX = "gitopsreverser_"
INSTRUMENTS = (
    Instrument(
        "events_received", "counter", ("cluster",), "Watch events and listed objects read from an API server."
    ),
    Instrument(
        "events_processed",
        "counter",
        ("cluster", "result"),
        "Changes decided, by result: written, removed, unchanged, …",
    ),
    Instrument("objects_scanned", "counter", ("cluster",), "Objects seen in complete lists."),
    Instrument("objects_written", "counter", ("destination",), "Files written to the remote branch."),
    Instrument("files_deleted", "counter", ("destination",), "Files removed from the remote branch."),
    Instrument("commits", "counter", ("destination",), "Commits that the remote branch accepted."),
    Instrument("commit_bytes", "counter", ("destination",), "Bytes of file content in those commits."),
    Instrument(
        "rebase_retries",
        "counter",
        ("destination",),
        "Batches rebuilt because somebody else had moved the branch.",
    ),
    Instrument(
        "git_operations",
        "counter",
        ("destination", "operation", "result"),
        "Runs of git against the repository or its remote.",
    ),
    Instrument("git_push_duration_seconds", "histogram", ("destination",), "Time that one push takes.", "s"),
    Instrument(
        "git_commit_queue_size",
        "gauge",
        ("destination",),
        "Entries in the journal that the remote does not have yet.",
    ),
    Instrument(
        "oldest_unpushed_entry_age_seconds",
        "gauge",
        ("destination",),
        "Age of the oldest entry that the remote lacks; 0 when there is none.",
        "s",
    ),
    Instrument(
        "change_to_push_seconds",
        "histogram",
        ("destination",),
        "Time from reading a live change to its commit being in the remote branch.",
        "s",
    ),
    Instrument(
        "withheld_objects",
        "gauge",
        ("destination",),
        "Objects that are not written because they cannot be written safely.",
    ),
    Instrument(
        "suspicious_values",
        "gauge",
        ("destination",),
        "Values in written files that look like secrets, outside of Secrets.",
    ),
    Instrument("leader", "gauge", (), "1 while this replica leads, 0 while it follows; with [leader] only."),
    Instrument(
        "leader_transitions",
        "counter",
        ("to",),
        "Times that this replica became the leader, or a follower again.",
    ),
    Instrument("stalled_conditions", "gauge", (), "Parts of the daemon that wait for a person to act."),
    Instrument(
        "stalled_git_repo_configs",
        "gauge",
        (),
        "Destinations of GitRepoConfigs that wait for a person to act.",
    ),
    Instrument(
        "facts_received",
        "counter",
        ("cluster", "source"),
        "Facts about who changes what, as the webhooks told them.",
    ),
    Instrument(
        "facts_joined",
        "counter",
        ("cluster", "source"),
        "Live changes whose author a fact has told, by the source of the fact.",
    ),
    Instrument(
        "facts_expired",
        "counter",
        ("cluster", "source"),
        "Facts that are forgotten, after ten minutes or because there are too many.",
    ),
    Instrument(
        "attribution_seconds",
        "histogram",
        (),
        "Time from reading a live change to its author being settled, or said to be unknown.",
        "s",
    ),
    Instrument(
        "attributions",
        "counter",
        ("cluster", "evidence"),
        "Live changes by what their author rests on: admission, manager, unresolved, …",
    ),
    Instrument(
        "admission_reviews",
        "counter",
        ("result",),
        "Calls of the admission webhook, by what came of them: fact, nothing, undecodable, busy, …",
    ),
    Instrument("admission_seconds", "histogram", (), "Time from a whole review to its answer.", "s"),
    Instrument(
        "audit_events",
        "counter",
        ("result",),
        "Events that the audit webhook got, by what came of them: fact, unused, problem, busy, …",
    ),
    Instrument("hook_calls", "counter", ("plugin", "hook"), "Calls of plugins' hooks."),
    Instrument("hook_seconds", "counter", ("plugin", "hook"), "Time spent in plugins' hooks.", "s"),
    Instrument(
        "hook_failures",
        "counter",
        ("plugin", "hook", "reason"),
        "Calls of plugins' hooks that raised, took too long, or answered what they may not.",
    ),
    Instrument(
        "contained_bugs",
        "counter",
        ("part",),
        "Errors that nobody expected, about one object, file or request, by the part that met them.",
    ),
    Instrument(
        "status_writes", "counter", ("result",), "Writes of the status of custom resources, by result."
    ),
    Instrument(
        "writer_starts",
        "counter",
        ("destination",),
        "Times that the writer of a destination began: at the start, and anew when its settings changed.",
    ),
    Instrument(
        "watch_restarts", "counter", ("cluster", "reason"), "Watches that had to be started again, by reason."
    ),
)


class Totals:
    """One counter or gauge, changed in memory and read at each scrape.

    An instrument's own `add` takes 11 µs, five times a change: a tenth of all that a change costs.
    """

    def __init__(self) -> None:
        self._totals: dict[tuple[tuple[str, str], ...], float] = {}

    def add(self, amount: float, labels: Mapping[str, str]) -> None:
        """Add to the total of these labels, given in one order always."""
        key = tuple(labels.items())
        self._totals[key] = self._totals.get(key, 0) + amount

    def put(self, total: float, labels: Mapping[str, str]) -> None:
        """Replace the total of these labels."""
        self._totals[tuple(labels.items())] = total

    def forget(self, label: tuple[str, str]) -> None:
        """What has this label is shown no more."""
        self._totals = {key: total for key, total in self._totals.items() if label not in key}

    def observations(self, _options: CallbackOptions) -> list[Observation]:
        """What the exposition shows; called in the thread that exposes, while others count."""
        # A copy is one step of the interpreter, in which no other thread runs.
        return [Observation(total, dict(key)) for key, total in self._totals.copy().items()]


class Metrics:
    """The instruments of one process; `expose()` renders them for Prometheus."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        reader = PrometheusMetricReader(
            disable_target_info=True, scope_info_enabled=False, registry=self._registry
        )
        seconds = ExplicitBucketHistogramAggregation(SECONDS_BUCKETS)
        views = [View(instrument_type=Histogram, instrument_unit="s", aggregation=seconds)]
        self._provider = MeterProvider([reader], views=views, shutdown_on_exit=False)
        meter = self._provider.get_meter("reverser")
        self._totals = {row.name: Totals() for row in INSTRUMENTS if row.kind != "histogram"}
        make: Mapping[Kind, Any] = {
            "counter": meter.create_observable_counter,
            "gauge": meter.create_observable_gauge,
        }
        for row in INSTRUMENTS:
            if row.kind != "histogram":
                make[row.kind](PREFIX + row.name, [self._totals[row.name].observations], row.unit, row.help)
        self._dropped: set[tuple[str, str]] = set()
        """Labels whose histograms the SDK keeps, and that are not shown."""
        self._histograms = {
            row.name: meter.create_histogram(PREFIX + row.name, row.unit, row.help)
            for row in INSTRUMENTS
            if row.kind == "histogram"
        }

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add to a counter; KeyError for a name that is not in the table."""
        self._totals[name].add(amount, labels)

    def set(self, name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        self._totals[name].put(value, labels)

    def forget(self, **label: str) -> None:
        """Show no gauge with this label any more. Counters stay: their sums would seem to go back."""
        (pair,) = label.items()
        for row in INSTRUMENTS:
            if row.kind == "gauge":
                self._totals[row.name].forget(pair)

    def drop(self, **label: str) -> None:
        """Show nothing with this label any more, counters and histograms neither."""
        (pair,) = label.items()
        for totals in self._totals.values():
            totals.forget(pair)
        self._dropped.add(pair)

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Add one value to a histogram."""
        self._dropped.difference_update(labels.items())
        self._histograms[name].record(value, labels)

    def expose(self) -> bytes:
        """The Prometheus text format.

        With hundreds of destinations it takes a second: call it in a thread, one at a time.
        """
        for part, count in unexpected_errors.counts.copy().items():
            self._totals["contained_bugs"].put(count, {"part": part})
        return generate_latest(cast("CollectorRegistry", self))

    def collect(self) -> Iterator[Metric]:
        """What the registry has, without the histograms that were dropped."""
        for metric in self._registry.collect():
            if metric.type == "histogram":
                samples = metric.samples
                metric.samples = [each for each in samples if self._dropped.isdisjoint(each.labels.items())]
            yield metric

    def close(self) -> None:
        """Release the reader; the instruments go quiet."""
        self._provider.shutdown()
