"""The regression list: every case of docs/corners.md has a promise, and a test that is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| (?P<case>\S+) \| (?P<promise>[^|]+) \| (?P<tests>[^|]+) \|$", re.MULTILINE)
MENDED = {
    "A": (1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17, "18/10", "18/15", "18/16"),
    "B": (1, 2, 3, 4, 5, 6, 7, 8),
    "E": (1, 2, 3, 4),
    "G": (2, 3, 4, 5, 6, 7, 8, 9, 13, 14, 15),
    "GB": (2, 3, 4, 5, 6),
    "M": (1, 2, 3, 4, 5, 6, 7, 8),
}
ROWS = [match.groupdict() for match in ROW.finditer((ROOT / "docs/corners.md").read_text())][1:]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["case"])
def test_every_case_names_a_test_that_is_there(row: dict[str, str]) -> None:
    """Each test that the page names is a function of the file that it names."""
    named = re.findall(r"`([\w/.-]+)::(\w+)`", row["tests"])

    assert named
    for file, function in named:
        assert re.search(rf"^(async )?def {function}\(", (ROOT / file).read_text(), re.MULTILINE), function


def test_every_case_that_was_mended_is_listed() -> None:
    """No case that was mended once goes from the list."""
    assert {row["case"] for row in ROWS} >= {
        f"{letter}{number}" for letter, numbers in MENDED.items() for number in numbers
    }
