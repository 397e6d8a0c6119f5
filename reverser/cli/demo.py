"""`reverser demo`: the whole product in a temporary folder, with nothing set up before."""

from __future__ import annotations

import click
import trio

from reverser.app.demo import demo
from reverser.log import configure


@click.command(
    "demo",
    epilog="""\b
Examples:
  reverser demo           a small story of a few seconds
  reverser demo --keep    goes on afterwards; change things yourself with kubectl""",
)
@click.option("--keep", is_flag=True, help="Go on after the story, until Ctrl-C.")
def command(keep: bool) -> None:
    """Start a small Kubernetes API and a Git repository, play a story, and show each commit."""
    configure("console", "warning")
    trio.run(demo, keep)
