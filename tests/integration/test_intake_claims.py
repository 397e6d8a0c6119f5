"""Layouts of plugins that send two objects to one place: the first keeps it, nothing is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from reverser.model.journal import Journal
from tests.integration.intaking import Taking, config_map, entries, live, opened, whole
from tests.integration.plugged import deciding, host_of

CODE = """
@hookimpl
def reverser_layout(key): return {}[key.name]
"""


def placing(folder: Path, journal: Journal, **paths: str) -> Taking:
    """An intake whose layout puts objects of these names there."""
    return Taking(journal, hooks=deciding(host_of(folder, CODE.format(paths))))


async def shown(journal: Journal) -> dict[str, str]:
    """Name -> path, or why there is none."""
    found = {record.key.name: record.path for record in await journal.some_records("live", None, 100_000)}
    return found | {each.key.name: each.message for each in await journal.withheld()}


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ("x.yaml", "x.yaml", "already has the file 'x.yaml'"),
        ("x", "x/y/z.yaml", "has the file 'x', which cannot be a folder as well"),
        ("x/y/z.yaml", "x", "'x' is a folder with files of other objects"),
    ],
)
async def test_a_path_is_one_objects(tmp_path: Path, first: str, second: str, told: str) -> None:
    """Nor does a file take the place of a folder: git would drop all that is below."""
    async with opened(tmp_path) as journal:
        taking = placing(tmp_path, journal, a=first, b=second)
        await taking.all([live(1, config_map("a", "1")), live(2, config_map("b", "1"))])

        found = await shown(journal)

    assert found["a"] == first
    assert told in found["b"]


async def test_a_path_is_free_when_its_object_is_found_gone(tmp_path: Path) -> None:
    """A deletion that only a list shows frees the path like one that was seen."""
    async with opened(tmp_path) as journal:
        taking = placing(tmp_path, journal, a="x.yaml", b="x.yaml")
        first = [live(1, config_map("a", "1")), live(2, config_map("b", "1"))]
        await taking.all([*first, *whole(3, config_map("b", "1")), live(4, config_map("b", "2"))])

        found = await shown(journal)
        written = [each.edit.content is not None for each in await entries(journal)]

    assert found == {"b": "x.yaml"}
    assert written == [True, False, True]


async def test_an_object_may_move_below_its_own_path(tmp_path: Path) -> None:
    """Its old file goes in the same commit."""
    async with opened(tmp_path) as journal:
        await placing(tmp_path, journal, a="x").all([live(1, config_map("a", "1"))])
        await placing(tmp_path, journal, a="x/y.yaml").all([live(2, config_map("a", "2"))])

        assert await shown(journal) == {"a": "x/y.yaml"}
