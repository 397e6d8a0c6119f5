"""`reverser check`: is the configuration right, and does everything that it names let us in?"""

from __future__ import annotations

import os
import sys

import click
import msgspec
import trio
from rich.console import Console

from reverser.app.plugin_setup import configured
from reverser.cli import check_tables, config_option
from reverser.cli.check_connections import Findings, inspect
from reverser.cli.check_machine import look_here
from reverser.cli.exit_codes import EXIT_CONFIG, EXIT_UNAVAILABLE
from reverser.errors import ConfigError
from reverser.log import configure


@click.command(
    "check",
    epilog="""\b
Examples:
  reverser check --config reverser.toml
  reverser check --config reverser.toml --offline          only the file
  reverser check --config reverser.toml --output json      for scripts
Exit status:
  0  all is well      78  the file has problems
  69 a server is unreachable, or refuses to be read or pushed to; a folder or port cannot be used""",
)
@config_option
@click.option("--offline", is_flag=True, help="Look at the file only, connect to nothing.")
@click.option(
    "--elsewhere",
    is_flag=True,
    help="reverser will run on another machine: do not check the disk and the ports of this one.",
)
@click.option("--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
def command(config_path: str, offline: bool, elsewhere: bool, output: str) -> None:
    """Check the configuration, then every cluster and every remote that it names.

    Prints for each cluster the API server's version, each selected type and whether it may be listed and
    watched; for each remote, whether it answers and would accept a push; for this machine, whether the data
    directory can be written and the ports are free. Nothing is changed anywhere.
    """
    configure("console", "error")
    try:
        config, host = configured(config_path, os.environ, files=True, listening=True)
    except ConfigError as error:
        if output != "json":
            raise
        problems = [{"path": p.path, "message": p.message, "hint": p.hint} for p in error.problems]
        _print_json({"ok": False, "problems": problems})
        sys.exit(EXIT_CONFIG)
    findings = Findings() if offline else trio.run(inspect, config, host)
    if not (offline or elsewhere):
        findings = msgspec.structs.replace(findings, here=look_here(config))
    if output == "json":
        _print_json({"ok": findings.ok, "problems": [], **msgspec.to_builtins(findings)})
    elif offline:
        click.echo(f"{config_path}: all is well, as far as can be told without connecting")
    else:
        check_tables.show(findings, Console())
    sys.exit(0 if findings.ok else EXIT_UNAVAILABLE)


def _print_json(value: object) -> None:
    click.echo(msgspec.json.format(msgspec.json.encode(value)).decode())
