"""The modules that docs/architecture.md lists for a change are those that run."""

from __future__ import annotations

import re
from pathlib import Path

from tests.tools.trace import scaled

PAGE = Path(__file__).parents[2] / "docs" / "architecture.md"


def test_the_page_lists_the_modules_that_run() -> None:
    """All of them and no others; each step begins with the module that the change reaches first."""
    table = PAGE.read_text().partition("| step | modules |")[2].partition("\n\n")[0]
    steps = [re.findall(r"`([\w.]+)`", line) for line in table.splitlines()[2:]]

    modules = scaled().modules

    assert {name for step in steps for name in step} == set(modules)
    order = [*modules]
    firsts = [step[0] for step in steps]
    assert firsts == sorted(firsts, key=order.index)
