"""A GitRepoConfig that has the name of a deleted one gets nothing of it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from reverser.custom_resources.api_types import GitRepoConfig
from reverser.custom_resources.model import Compiled, ObjectName
from reverser.custom_resources.recreated import RecreatedConfigs
from reverser.journal.sqlite import open_journal
from reverser.model.destination import Destination
from reverser.model.journal import Journal
from reverser.model.rule import Rule
from tests.custom_resources import git_repo_config

BOTH = Compiled(
    destinations=(Destination("shop/web", "https://h/a"), Destination("shop/other", "https://h/b")),
    rules=(Rule("shop/r[0]", "shop/web"), Rule("shop/r[1]", "shop/other")),
)


def configs(**uids: str) -> dict[ObjectName, GitRepoConfig]:
    """GitRepoConfigs of the namespace shop: name=uid."""
    made = {}
    for name, uid in uids.items():
        config = msgspec.convert(git_repo_config(name, "shop", "https://h/a"), GitRepoConfig)
        metadata = msgspec.structs.replace(config.metadata, uid=uid)
        made[ObjectName("shop", name)] = msgspec.structs.replace(config, metadata=metadata)
    return made


class Steps:
    """What was done, in its order."""

    def __init__(self, journal: Journal) -> None:
        self.done: list[object] = []
        self.recreated = RecreatedConfigs(journal, self._adopt, self._drop)

    async def _adopt(self, compiled: Compiled) -> None:
        self.done.append([each.name for each in compiled.destinations])
        assert [each.destination for each in compiled.rules] == self.done[-1]

    async def _drop(self, destination: str) -> None:
        self.done.append(destination)


async def test_what_a_former_config_has_left_is_dropped_first(tmp_path: Path) -> None:
    """Its destination is written to no more before that, and others go on; also after a restart."""
    async with open_journal(tmp_path) as journal:
        steps = Steps(journal)
        assert await steps.recreated.dropped(configs(web="1", other="2"), BOTH) == BOTH
        assert await steps.recreated.dropped(configs(web="1", other="2"), BOTH) == BOTH
        assert steps.done == []
        left = await steps.recreated.dropped(configs(web="3", other="2"), BOTH)
        assert [each.name for each in left.destinations] == ["shop/other"]
        assert steps.done == [["shop/other"], "shop/web"]
    async with open_journal(tmp_path) as journal:
        steps = Steps(journal)
        await steps.recreated.dropped(configs(web="3", other="4"), Compiled())
        assert steps.done == [[], "shop/other"]
