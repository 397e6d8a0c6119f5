"""`reverser audit replay`: audit logs become Git history in a branch of their own."""

from __future__ import annotations

import gc
import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import click
import msgspec
import trio

from reverser.app.plugin_setup import hosted
from reverser.cli import config_option
from reverser.cli.exit_codes import interrupted
from reverser.cli.webhook_target import cluster_option
from reverser.config import Config, load
from reverser.config.destination_checks import BRANCH_FAULTS
from reverser.config.remote_url import parse
from reverser.intake.unmatched_paths import message
from reverser.log import configure
from reverser.model.destination import Destination
from reverser.replay.run import replay
from reverser.replay.summary import Summary

BRANCH = "audit-history"
MOST_PLACES = 20
"""Types and namespaces that the summary names for one reason."""


@click.command(
    "replay",
    epilog="""\b
Examples:
  reverser audit replay audit.log                            into the branch audit-history
  reverser audit replay --branch past audit-*.log.gz audit.log   rotated files, oldest first
  zstdcat audit.log.zst | reverser audit replay -
What it needs:
  JSON lines of audit.k8s.io/v1, level RequestResponse; with level Request some patches are left out.
  No cluster is contacted. After an interruption the same command continues; a second run adds nothing.""",
)
@config_option
@cluster_option
@click.option(
    "--destination",
    "name",
    metavar="NAME",
    help="The destination whose repository, layout and settings are used.",
)
@click.option(
    "--branch", default=BRANCH, show_default=True, help="The branch to write; made when it is missing."
)
@click.argument("logs", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, readable=True, allow_dash=True), metavar="LOGFILE...")  # fmt: skip  # noqa: E501
def replay_command(
    config_path: str, cluster_name: str | None, name: str | None, branch: str, logs: Sequence[str]
) -> None:
    """Turn audit logs that a cluster has written into Git history.

    Each event that changed content becomes a commit with its real author and time. The rules of the cluster
    select objects, and [identities] names authors. LOGFILE is plain or gzip, - is standard input.
    Exit status 69 when a log or the remote cannot be used.
    """
    # Much is made, little is kept: to look for what could be freed at every turn takes a tenth of the time.
    gc.set_threshold(100_000, 50, 100)
    config = load(config_path, os.environ)
    configure("console", "error")
    if len(set(logs)) < len(logs):
        raise click.UsageError("a LOGFILE is named twice")
    cluster = _cluster(config, cluster_name)
    chosen = _chosen(config, cluster, name, branch)
    try:
        summary = trio.run(replay, chosen, hosted(chosen, os.environ), cluster, logs, _progress())
    except (BaseExceptionGroup, KeyboardInterrupt) as error:
        if interrupted(error):
            click.echo("replay: interrupted; the same command goes on from here", err=True)
        raise
    _print_summary(summary, chosen.destinations[0])


def _cluster(config: Config, name: str | None) -> str:
    known = [cluster.name for cluster in config.clusters]
    if name is None and len(known) > 1:
        raise click.UsageError(f"--cluster must be one of {', '.join(known)}")
    if name is not None and name not in known:
        raise click.BadParameter(f"{name!r} is not one of {', '.join(known)}", param_hint="--cluster")
    return name or known[0]


def _chosen(config: Config, cluster: str, name: str | None, branch: str) -> Config:
    """The configuration with one destination, whose branch is this one."""
    rules = tuple(rule for rule in config.rules if rule.cluster == cluster)
    used = sorted({rule.destination for rule in rules})
    if not used:
        raise click.UsageError(f"no rule selects anything of cluster {cluster!r}")
    if name is None and len(used) > 1:
        raise click.UsageError(f"--destination must be one of {', '.join(used)}")
    if name is not None and name not in used:
        raise click.BadParameter(f"{name!r} is not one of {', '.join(used)}", param_hint="--destination")
    name = name or used[0]
    (live,) = (destination for destination in config.destinations if destination.name == name)
    _check_branch(config, live, branch)
    if live.mode == "observe":
        raise click.UsageError(f'destination {name!r} has mode = "observe", which writes nothing')
    mine = tuple(rule for rule in rules if rule.destination == name)
    destination = msgspec.structs.replace(live, branch=branch, window="0s")
    return msgspec.structs.replace(config, destinations=(destination,), rules=mine)


def _check_branch(config: Config, live: Destination, branch: str) -> None:
    if BRANCH_FAULTS.search(branch):
        raise click.BadParameter(f"{branch!r} is not a valid branch name", param_hint="--branch")
    repository = parse(live.url).repository
    for other in config.destinations:
        if other.branch == branch and parse(other.url).repository == repository:
            fault = (
                f"{branch!r} is the branch of destination {other.name!r}: two writers would undo each other"
            )
            raise click.BadParameter(f"{fault}; name another one", param_hint="--branch")


def _progress() -> Callable[[Summary, str, float], None]:
    began = time.monotonic()

    def show(summary: Summary, log: str, part: float) -> None:
        rate = summary.read / max(time.monotonic() - began, 0.001)
        where = f"{part:.0%} of {Path(log).name}" if part else Path(log).name
        line = f"replay: {summary.read:,} events, {rate:,.0f} a second, {where}, {summary.commits:,} commits"
        click.echo(line, err=True)

    return show


def _print_summary(summary: Summary, destination: Destination) -> None:
    rows = [
        (summary.read, "events read"),
        (summary.commits, f"commits made in {destination.branch} of {destination.url}"),
        (summary.unchanged, "writes that left the content as it was"),
        (summary.known, "writes that were replayed already"),
        (summary.unselected, "writes that no rule selects"),
        (summary.quiet, "events that changed nothing (reads, failures, dry runs, status)"),
        (sum(summary.gaps.values()), "writes not replayable"),
        *_gaps(summary.gaps),
        (summary.unreadable, "lines unreadable"),
        (summary.unfinished, "last lines unfinished; read when the file has grown"),
        (len(summary.withheld), "objects withheld"),
    ]
    for number, what in rows:
        if number or what.startswith(("events read", "commits")):
            click.echo(f"{number:>10,} {what}")
    for row in summary.withheld:
        click.echo(f"withheld {row.key}: {row.message}", err=True)
    for type_name, paths in summary.absent.items():
        click.echo(f"reverser: [[sensitive]] of {type_name}: {message(paths)}", err=True)
    for type_name, pattern in sorted(summary.doubts.items()):
        advice = f"no rule selects {type_name}; if {pattern!r} is its short name, write the name in full"
        click.echo(f"reverser: {advice}", err=True)
    for damage in summary.damage:
        click.echo(f"reverser: {damage}; what came before was read", err=True)


def _gaps(gaps: Mapping[tuple[str, str, str], int]) -> Iterator[tuple[int, str]]:
    """Each reason, and below it where, most first."""
    reasons: dict[str, Counter[str]] = {}
    for (reason, type_name, namespace), count in gaps.items():
        scope = f"{type_name} in {namespace}" if namespace else type_name or "elsewhere"
        reasons.setdefault(reason, Counter())[scope] += count
    for reason, scopes in sorted(reasons.items()):
        yield scopes.total(), f"  {reason}"
        rows = sorted(scopes.items(), key=lambda row: (-row[1], row[0]))
        yield from ((count, f"    {scope}") for scope, count in rows[:MOST_PLACES])
        if rest := rows[MOST_PLACES:]:
            yield sum(count for _, count in rest), f"    in {len(rest)} other types and namespaces"
