"""`reverser demo`: the whole product in a temporary folder, with nothing set up before."""

from __future__ import annotations

import sys

import click
import trio

from reverser.app.demo import demo
from reverser.log import configure


@click.command(
    "demo",
    epilog="""\b
Examples:
  reverser demo           a story of about a minute
  reverser demo --fast    the same without pauses, for scripts
  reverser demo --keep    goes on afterwards; change things yourself with kubectl, as alice or bob""",
)
@click.option("--keep", is_flag=True, help="Go on after the story until Ctrl-C, and keep the folder.")
@click.option(
    "--fast", is_flag=True, help="Do not pause for readers. Without a terminal there are no pauses anyway."
)
def command(keep: bool, fast: bool) -> None:
    """Start a small Kubernetes API and a Git repository, play a story, and show each commit.

    The API calls reverser's admission webhook, so the commits say who made each change.
    """
    configure("console", "warning")
    trio.run(lambda: demo(keep=keep, paced=sys.stdout.isatty() and not fast))
