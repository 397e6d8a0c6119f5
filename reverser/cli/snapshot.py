"""`reverser snapshot`: one complete pass, then the end."""

from __future__ import annotations

import os
from pathlib import Path

import click
import trio

from reverser.app.plugin_setup import configured
from reverser.app.snapshot import snapshot
from reverser.cli import config_option
from reverser.config import Config
from reverser.log import configure


@click.command(
    "snapshot",
    epilog="""\b
Examples:
  reverser snapshot --config reverser.toml            one commit, pushed
  reverser snapshot --config reverser.toml --to out   files, no Git at all""",
)
@config_option
@click.option(
    "--to",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Write files into this folder instead of Git.",
)
def command(config_path: str, to: Path | None) -> None:
    """List everything that the rules select, write it once, and exit.

    Exit status 69 when a cluster, one of its types or the remote could not be reached.
    """

    def log_there(config: Config) -> None:
        configure(config.log.format, config.log.level)

    config, host = configured(config_path, os.environ, before=log_there)
    withheld = trio.run(snapshot, config, host, to)
    for row in withheld:
        click.echo(f"withheld {row.key}: {row.message}", err=True)
