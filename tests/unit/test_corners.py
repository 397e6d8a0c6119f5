"""The regression list: every case of docs/corners.md has a promise, and a test that is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| (?P<case>\S+) \| (?P<promise>[^|]+) \| (?P<tests>[^|]+) \|$", re.MULTILINE)
ROWS = [match.groupdict() for match in ROW.finditer((ROOT / "docs/corners.md").read_text())][1:]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["case"])
def test_every_case_names_a_test_that_is_there(row: dict[str, str]) -> None:
    """Each test that the page names is a function of the file that it names."""
    named = re.findall(r"`([\w/.-]+)::(\w+)`", row["tests"])

    assert named
    for file, function in named:
        assert re.search(rf"^(async )?def {function}\(", (ROOT / file).read_text(), re.MULTILINE), function
