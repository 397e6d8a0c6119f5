"""Options that several commands share."""

from __future__ import annotations

import click

config_option = click.option(
    "--config",
    "-c",
    "config_path",
    type=click.Path(dir_okay=False),
    default="reverser.toml",
    show_default=True,
    help="The configuration file.",
)
