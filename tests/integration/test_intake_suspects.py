"""What looks like a secret in files of an earlier session, of which nothing is listed again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest

from reverser.model.destination import Destination
from reverser.model.entry import KnownRecords, RecordKey
from reverser.model.journal import Journal
from reverser.model.rule import Rule
from tests.integration.intaking import EVERYTHING, LIVE, Taking, config_map, live, opened, take, whole

# Put together here, so that no scanner takes this file for a leak.
TOKEN = "ghp_" + "q7Zp2Vx9Kd4Lm8Wt1Rb6Ys3Hn5Jc0FgAbCd1"
SUBJECT = "destination/live/default/shop/configmaps/a"
QUIET = Destination("quiet", "file:///quiet", suspicious="ignore")
BOTH = (EVERYTHING, Rule("quiet", "quiet"))


class Watched:
    """The real journal, and whose records were read from it."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.read: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    async def known(self, record_keys: Collection[RecordKey]) -> KnownRecords:
        self.read |= {destination for destination, _ in record_keys}
        return await self._journal.known(record_keys)


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    """A real one."""
    async with opened(tmp_path) as made:
        yield made


def shown(taking: Taking) -> list[tuple[str, str]]:
    return [(each.subject, each.reason) for each in taking.health.conditions if each.type == "Suspicious"]


async def test_a_restart_shows_again_what_is_flagged(journal: Journal) -> None:
    """Though no stream brings the object again; and it goes once the value does."""
    await take(journal, whole(5, config_map("a", TOKEN), config_map("b", "free")))

    again = Taking(journal)
    await again.all([])
    assert shown(again) == [(SUBJECT, "GithubToken")]
    assert TOKEN not in again.health.conditions[0].message

    mended = Taking(journal)
    await mended.all([live(6, config_map("a", "free"))])
    assert shown(mended) == []


async def test_more_objects_than_one_look_takes_are_all_looked_at(journal: Journal) -> None:
    """The last of many is found as the first is."""
    names = [f"m-{number:03}" for number in range(50)]
    await take(journal, whole(5, *(config_map(name, "free") for name in names), config_map("z", TOKEN)))

    again = Taking(journal)
    await again.all([])

    assert [subject for subject, _ in shown(again)] == ["destination/live/default/shop/configmaps/z"]


@pytest.mark.parametrize("setting", ["ignore", "mask"])
async def test_who_is_not_to_be_told_any_more_is_shown_nothing(
    journal: Journal, setting: Literal["ignore", "mask"]
) -> None:
    """The setting of the day counts, not that of the day the file was written."""
    await take(journal, whole(5, config_map("a", TOKEN)))

    again = Taking(journal, destinations=[msgspec.structs.replace(LIVE, suspicious=setting)])
    await again.all([])

    assert shown(again) == []


async def test_who_is_to_be_told_from_now_on_is_shown_what_was_written(journal: Journal) -> None:
    """A file that was written under `ignore` is flagged after the change."""
    await take(
        journal,
        whole(5, config_map("a", TOKEN)),
        destinations=[msgspec.structs.replace(LIVE, suspicious="ignore")],
    )

    again = Taking(journal)
    await again.all([])

    assert shown(again) == [(SUBJECT, "GithubToken")]


async def test_a_cluster_that_is_not_watched_any_more_is_shown_nothing(journal: Journal) -> None:
    """Nothing that happens there could end the condition."""
    await take(journal, whole(5, config_map("a", TOKEN)))

    again = Taking(journal, [msgspec.structs.replace(EVERYTHING, cluster="elsewhere")])
    await again.all([])

    assert shown(again) == []


async def test_only_records_that_may_be_flagged_are_read(journal: Journal) -> None:
    """A start does not read every object of a destination for nothing."""
    given = whole(5, config_map("a", TOKEN))
    await take(journal, given, rules=BOTH, destinations=(LIVE, QUIET))

    watched = Watched(journal)
    again = Taking(watched, BOTH, (LIVE, QUIET))
    await again.all([])

    assert watched.read == {"live"}
    assert [subject for subject, _ in shown(again)] == [SUBJECT]
