"""The panels of the Grafana dashboard: titles, sentences, expressions and units, row by row.

Two replicas expose what they have done each, and a follower observes nothing: so counters are added up over
replicas, and of gauges the highest counts. `job` is the name of the Service that Prometheus scrapes.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

JOB = 'job=~"$job"'
DESTINATION = 'job=~"$job", destination=~"$destination"'
Kind: TypeAlias = Literal["stat", "timeseries"]


class Panel(msgspec.Struct, frozen=True):
    """One panel of the dashboard."""

    title: str
    sentence: str
    """What it shows and what to make of it: its description."""
    expressions: dict[str, str]
    """Legend -> expression."""
    unit: str = "short"
    """As Grafana spells units: `short`, `s`, `ops`, `Bps`."""
    kind: Kind = "timeseries"


def _rate(metric: str, labels: str, by: str) -> str:
    return f"sum by ({by}) (rate({metric}{{{labels}}}[$__rate_interval]))"


def _increase(metric: str, labels: str, by: str, within: str) -> str:
    return f"sum by ({by}) (increase({metric}{{{labels}}}[{within}]))"


def _quantile(quantile: float, metric: str, labels: str, by: str = "") -> str:
    grouped = f"le, {by}" if by else "le"
    rates = f"sum by ({grouped}) (rate({metric}_bucket{{{labels}}}[$__rate_interval]))"
    return f"histogram_quantile({quantile}, {rates})"


def _gauge(metric: str, labels: str, by: str = "") -> str:
    return f"max by ({by}) ({metric}{{{labels}}})" if by else f"max({metric}{{{labels}}})"


P = "gitopsreverser_"
ROWS: dict[str, tuple[Panel, ...]] = {
    "Is all well?": (
        Panel(
            "Age of the oldest change that Git lacks",
            "0 while the remote has everything; it grows while a remote is away or refuses, and "
            "nothing is lost meanwhile.",
            {"{{destination}}": _gauge(f"{P}oldest_unpushed_entry_age_seconds", DESTINATION, "destination")},
            "s",
        ),
        Panel(
            "Waits for a person",
            "Parts of the daemon, and GitRepoConfigs, that go on only when somebody acts; /readyz "
            "and statuses say how.",
            {
                "daemon": _gauge(f"{P}stalled_conditions", JOB),
                "GitRepoConfigs": _gauge(f"{P}stalled_git_repo_configs", JOB),
            },
            kind="stat",
        ),
        Panel(
            "Replicas that lead",
            "One as a rule, and none for some seconds of a takeover; a daemon without a leader "
            "election shows nothing.",
            {"leaders": f"sum({P}leader{{{JOB}}})"},
            kind="stat",
        ),
        Panel(
            "Changes that Git lacks",
            "Journaled changes that wait for their push: a peak is normal, a plateau is a remote "
            "that does not take them.",
            {"{{destination}}": _gauge(f"{P}git_commit_queue_size", DESTINATION, "destination")},
        ),
        Panel(
            "Objects that are not written",
            "Objects that cannot be written safely; `reverser withheld` and the log name each and why.",
            {"{{destination}}": _gauge(f"{P}withheld_objects", DESTINATION, "destination")},
        ),
        Panel(
            "Values that look like secrets",
            "Values outside of Secrets that look like secrets and are in Git: rotate them, and move "
            "them into Secrets.",
            {"{{destination}}": _gauge(f"{P}suspicious_values", DESTINATION, "destination")},
        ),
    ),
    "How fast is it?": (
        Panel(
            "From change to Git",
            "Time from reading a live change to its commit being in the remote branch: half of the "
            "changes, and 99 of 100.",
            {
                "p50": _quantile(0.5, f"{P}change_to_push_seconds", DESTINATION),
                "p99": _quantile(0.99, f"{P}change_to_push_seconds", DESTINATION),
            },
            "s",
        ),
        Panel(
            "Time of a push",
            "How long 95 of 100 pushes take, by destination: most of it is the Git host's.",
            {"{{destination}}": _quantile(0.95, f"{P}git_push_duration_seconds", DESTINATION, "destination")},
            "s",
        ),
        Panel(
            "Time to an author",
            "Time until the author of a change is known, or said to be unknown: waiting for audit "
            "events shows here.",
            {
                "p50": _quantile(0.5, f"{P}attribution_seconds", JOB),
                "p99": _quantile(0.99, f"{P}attribution_seconds", JOB),
            },
            "s",
        ),
    ),
    "What does it write?": (
        Panel(
            "Commits",
            "Commits a second that the remote branch accepted.",
            {"{{destination}}": _rate(f"{P}commits_total", DESTINATION, "destination")},
            "ops",
        ),
        Panel(
            "Files",
            "Files a second that were written to, and removed from, the remote branch.",
            {
                "written, {{destination}}": _rate(f"{P}objects_written_total", DESTINATION, "destination"),
                "removed, {{destination}}": _rate(f"{P}files_deleted_total", DESTINATION, "destination"),
            },
            "ops",
        ),
        Panel(
            "Bytes",
            "Bytes of file content a second in those commits.",
            {"{{destination}}": _rate(f"{P}commit_bytes_total", DESTINATION, "destination")},
            "Bps",
        ),
        Panel(
            "Runs of git",
            "Runs of git a second by operation and result: anything but ok that lasts is a remote or "
            "a disk that refuses.",
            {"{{operation}} {{result}}": _rate(f"{P}git_operations_total", DESTINATION, "operation, result")},
            "ops",
        ),
        Panel(
            "Batches that were built again",
            "Batches a second that had to be built again because somebody else had moved the branch: "
            "others push there too.",
            {"{{destination}}": _rate(f"{P}rebase_retries_total", DESTINATION, "destination")},
            "ops",
        ),
        Panel(
            "Starts of writers",
            "Writers that began within five minutes, at a start or a takeover, and when settings changed.",
            {"{{destination}}": _increase(f"{P}writer_starts_total", DESTINATION, "destination", "5m")},
        ),
    ),
    "What does it observe?": (
        Panel(
            "Events read",
            "Watch events and listed objects a second that were read from an API server.",
            {
                "{{cluster}}": _rate(f"{P}events_received_total", JOB, "cluster"),
                "of lists, {{cluster}}": _rate(f"{P}objects_scanned_total", JOB, "cluster"),
            },
            "ops",
        ),
        Panel(
            "Decisions",
            "Changes a second by what became of them: most changes of a cluster alter no file, and "
            "are unchanged.",
            {"{{result}}": _rate(f"{P}events_processed_total", JOB, "result")},
            "ops",
        ),
        Panel(
            "Watches started again",
            "Watches a second that had to be opened again, by reason: API servers end each after "
            "some minutes, so never 0.",
            {"{{cluster}} {{reason}}": _rate(f"{P}watch_restarts_total", JOB, "cluster, reason")},
            "ops",
        ),
    ),
    "Who did it?": (
        Panel(
            "What authors rest on",
            "Live changes a second by evidence: manager and unresolved mean that no request was "
            "told, so nobody is named.",
            {"{{evidence}}": _rate(f"{P}attributions_total", JOB, "evidence")},
            "ops",
        ),
        Panel(
            "Calls of the webhooks",
            "Admission reviews and audit events a second, by result: none at all means that the API "
            "server does not call.",
            {
                "admission {{result}}": _rate(f"{P}admission_reviews_total", JOB, "result"),
                "audit {{result}}": _rate(f"{P}audit_events_total", JOB, "result"),
            },
            "ops",
        ),
        Panel(
            "Time of an admission answer",
            "What the webhook adds to a write at most: 99 of 100 answers; the API server waits two "
            "seconds and no longer.",
            {"p99": _quantile(0.99, f"{P}admission_seconds", JOB)},
            "s",
        ),
        Panel(
            "Facts",
            "What the webhooks told a second: received, used for an author, and forgotten after ten minutes.",
            {
                "received {{source}}": _rate(f"{P}facts_received_total", JOB, "source"),
                "used {{source}}": _rate(f"{P}facts_joined_total", JOB, "source"),
                "forgotten {{source}}": _rate(f"{P}facts_expired_total", JOB, "source"),
            },
            "ops",
        ),
    ),
    "Inside": (
        Panel(
            "Calls of plugins",
            "Calls of hooks a second, and those that failed.",
            {
                "{{plugin}} {{hook}}": _rate(f"{P}hook_calls_total", JOB, "plugin, hook"),
                "failed: {{plugin}} {{hook}} {{reason}}": _rate(
                    f"{P}hook_failures_total", JOB, "plugin, hook, reason"
                ),
            },
            "ops",
        ),
        Panel(
            "Time of plugins",
            "Seconds that hooks take in a second: near 1 a plugin holds the daemon up.",
            {"{{plugin}} {{hook}}": _rate(f"{P}hook_seconds_total", JOB, "plugin, hook")},
            "short",
        ),
        Panel(
            "Bugs",
            "Errors that nobody expected since the start, by the part that met them: report the "
            "log's line `bug contained`.",
            {"{{part}}": f"sum by (part) ({P}contained_bugs_total{{{JOB}}})"},
        ),
        Panel(
            "Writes of statuses",
            "Writes of the status of custom resources a second, by result.",
            {"{{result}}": _rate(f"{P}status_writes_total", JOB, "result")},
            "ops",
        ),
        Panel(
            "Changes of leadership",
            "How often replicas became the leader, or a follower again, within an hour: rolling "
            "updates and lost nodes.",
            {"{{to}}": _increase(f"{P}leader_transitions_total", JOB, "to", "1h")},
        ),
    ),
}
