"""What is stored of a destination goes to a table of the file that was renamed, and to nobody else."""

from __future__ import annotations

import pytest

from reverser.app.destination_moves import Location, renamed

HERE = Location("git.example.com/shop/live", "main", "", "commit")
ELSEWHERE = Location("git.example.com/shop/live", "other", "", "commit")


@pytest.mark.parametrize(
    ("before", "after"), [("shop/web", "evil/web"), ("shop/web", "live"), ("live", "evil/web")]
)
def test_a_gitrepoconfig_neither_leaves_nor_inherits(before: str, after: str) -> None:
    """Nobody gets another tenant's pending changes by naming the folder that it wrote to."""
    assert renamed({before: HERE}, {after: HERE}) == {}
    assert renamed({before: HERE}, {before: ELSEWHERE, after: HERE}) == {}


def test_a_table_of_the_file_that_is_called_otherwise() -> None:
    """What is pending follows the table to its new name, whatever GitRepoConfigs there are."""
    assert renamed({"live": HERE, "shop/web": HERE}, {"shop/web": HERE, "new": HERE}) == {"live": "new"}
