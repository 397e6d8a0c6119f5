"""`reverser withheld`: what is not in Git, and why; beside the daemon, or after it has ended."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from reverser.cli import config_option
from reverser.config import load
from reverser.journal.read_only import NotInGit, not_in_git
from reverser.model.condition import Withheld
from reverser.model.journal import Backlog


@click.command(
    "withheld",
    epilog="""\b
Examples:
  reverser withheld --config reverser.toml
  reverser withheld --config reverser.toml --output json      for scripts""",
)
@config_option
@click.option("--output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(config_path: str, output: str) -> None:
    """List what is not in Git, and why: one line an object, then what waits to be pushed.

    Reads the journal in data_dir, also while `reverser run` writes it, and changes nothing. An object that
    is withheld keeps the file that it had; it is tried again at its next change and at the next start.
    """
    config = load(config_path, os.environ)
    listed = not_in_git(Path(config.data_dir), [each.name for each in config.destinations])
    if output == "json":
        click.echo(msgspec.json.format(msgspec.json.encode(_as_json(listed))).decode())
        return
    for row in listed.withheld:
        click.echo(line(row))
    for name, backlog in listed.backlogs.items():
        if backlog.entries:
            click.echo(_backlog_line(name, backlog))
    if not listed.withheld and not any(each.entries for each in listed.backlogs.values()):
        click.echo("nothing is withheld, and nothing waits to be pushed")


def line(row: Withheld) -> str:
    """One withheld object."""
    return f"{row.destination}: {row.key}: {row.reason}: {row.message} (since {_time(row.at)})"


def _backlog_line(name: str, backlog: Backlog) -> str:
    changes = "1 change waits" if backlog.entries == 1 else f"{backlog.entries} changes wait"
    return f"{name}: {changes} to be pushed, the oldest since {_time(backlog.oldest_at)}"


def _as_json(listed: NotInGit) -> dict[str, object]:
    rows = [
        {**msgspec.to_builtins(row), "key": str(row.key), "cluster": row.key.cluster, "at": _time(row.at)}
        for row in listed.withheld
    ]
    return {"withheld": rows, "waiting": {name: each.entries for name, each in listed.backlogs.items()}}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
