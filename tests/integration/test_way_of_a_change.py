"""The modules that docs/architecture.md lists for a change and for an admission call are those that run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TRIES = 3
"""On a busy machine something may happen once that is not about the change."""
PAGE = ROOT / "docs" / "architecture.md"


def traced(way: str) -> list[str]:
    """In a process of its own: threads that other tests have left would not be looked at."""
    command = [sys.executable, "-m", "tests.tools.trace", *way.split()]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return [line for line in done.stdout.splitlines() if re.fullmatch(r"[\w.]+", line)]


@pytest.mark.parametrize(("way", "header"), [("", "| step |"), ("admission", "| step of a call |")])
def test_the_page_lists_the_modules_that_run(way: str, header: str) -> None:
    """All of them and no others; each step begins with the module that the change reaches first.

    No plugin is enabled, so nothing of the plugin host runs.
    """
    table = PAGE.read_text().partition(f"{header} modules |")[2].partition("\n\n")[0]
    steps = [re.findall(r"`([\w.]+)`", line) for line in table.splitlines()[2:]]

    listed = {name for step in steps for name in step}
    for _ in range(TRIES):
        order = traced(way)
        if set(order) == listed:
            break

    assert listed == set(order)
    assert not [name for name in order if name.startswith("plugins.")], "no plugin is enabled"
    firsts = [step[0] for step in steps]
    assert firsts == sorted(firsts, key=order.index)
