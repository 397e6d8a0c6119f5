"""Who has proved that it can push is remembered, and who cannot lets another one try."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from reverser.custom_resources.api_types import GitRepoConfig
from reverser.custom_resources.compiler import Compiler
from reverser.custom_resources.deleted import DeletedConfigs
from reverser.custom_resources.events import EventSender
from reverser.custom_resources.model import ClusterState, Compiled, ObjectName
from reverser.custom_resources.proven import ProvenConfigs
from reverser.journal.sqlite import open_journal
from reverser.kube.errors import NotFound
from reverser.model.condition import Condition
from reverser.model.destination import Destination
from reverser.model.journal import Journal
from reverser.model.push import Pushed
from tests.cluster_states import LOGIN, OPEN, ref_of, state_of
from tests.cluster_states import config as config_of
from tests.custom_resources import git_repo_config

WEB = ObjectName("shop", "web")
URL = "https://git.example.com/shop/live.git"


class Configs:
    """One GitRepoConfig, and when it is."""

    def __init__(self, journal: Journal) -> None:
        self.now = 0.0
        self.changes = 0
        self.configs: dict[ObjectName, GitRepoConfig] = {}
        self.proven = ProvenConfigs(journal, self._changed, lambda: self.now)

    def _changed(self) -> None:
        self.changes += 1

    @property
    def names(self) -> frozenset[ObjectName]:
        """The configs that are proven."""
        return self.proven.among(self.configs)

    def push(self, url: str = URL, branch: str = "main") -> None:
        self.proven.pushed(Pushed("shop/web", branch, "a" * 40, (), url))

    def follow(
        self,
        *,
        wins: bool = True,
        url: str = URL,
        branch: str = "main",
        secret: bytes = b"x",
        **spec: Any,
    ) -> None:
        obj = git_repo_config("web", "shop", url, branch, secretRef={"name": "creds"}, **spec)
        config = msgspec.convert(obj, GitRepoConfig)
        self.configs = {WEB: config}
        state = ClusterState(
            configs=self.configs, secrets={ObjectName("shop", "creds"): {"password": secret}}
        )
        won = (Destination(name="shop/web", url=url, branch=branch),)
        self.proven.follow(state, Compiled(destinations=won if wins else ()))

    def fail(self, reason: str = "AuthenticationFailed", subject: str = "gitrepoconfig/shop/web") -> None:
        self.proven.condition(Condition("Stalled", subject, True, reason, "no"))


async def test_a_push_is_a_proof_that_outlives_the_process(tmp_path: Path) -> None:
    """After a restart the config is proven for the branch that it pushed to, and for no other."""
    async with open_journal(tmp_path) as journal:
        before = Configs(journal)
        await before.proven.load()
        before.follow()
        assert before.names == frozenset()
        before.push()
        assert before.names == {WEB}
        await before.proven.save()
        after = Configs(journal)
        await after.proven.load()
        after.follow()

        assert after.names == {WEB}
        assert before.changes == 1
        after.follow(branch="other")
        assert after.names == frozenset()


async def test_a_push_proves_nothing_of_another_repository(tmp_path: Path) -> None:
    """Neither an old writer's push after the URL was changed, nor a new one's before that is followed."""
    async with open_journal(tmp_path) as journal:
        configs = Configs(journal)
        configs.follow(url="https://git.example.com/other")
        configs.push(URL)
        assert configs.names == frozenset()
        configs.follow(url=URL)
        configs.push("https://git.example.com/other")
        assert configs.names == frozenset()
        configs.push("https://GIT.example.com:443/shop/live")

        assert configs.names == {WEB}


@pytest.mark.parametrize("secrets", [{"shop/creds": LOGIN}, {}], ids=["read", "not yet read"])
async def test_a_restart_gives_no_folder_to_an_older_squatter(
    tmp_path: Path, secrets: dict[str, dict[str, bytes]]
) -> None:
    """Who has pushed has its folder from the first look on, before anything was pushed again."""
    squatter = config_of("evil", "x", created="2025-01-01T00:00:00Z", repoUrl=URL)
    owner = config_of("shop", "web", secretRef={"name": "creds"}, repoUrl=URL)
    async with open_journal(tmp_path) as journal:
        before = Configs(journal)
        before.follow()
        before.push()
        await before.proven.save()
        after = ProvenConfigs(journal, lambda: None, lambda: 0.0)
        await after.load()
        state = state_of(squatter, owner, secrets=secrets)
        state = msgspec.structs.replace(state, proven=after.among(state.configs))
        compiled = Compiler(OPEN, "default").compile(state)

        assert [each.name for each in compiled.destinations] == ["shop/web"]
        assert compiled.verdicts[ref_of(squatter)].reason == "Overlap"


async def test_one_that_is_refused_yields_until_its_secret_changes(tmp_path: Path) -> None:
    """It yields also while another one has its turn, or the two would take turns for ever."""
    async with open_journal(tmp_path) as journal:
        configs = Configs(journal)
        configs.follow()
        configs.fail("Unreachable")
        configs.fail(subject="gitrepoconfig/shop/other")
        assert configs.proven.yielding == frozenset()
        configs.fail()
        configs.follow(wins=False)
        assert configs.proven.yielding == {WEB}
        configs.follow(wins=False, secret=b"y")

        assert configs.proven.yielding == frozenset()


async def test_one_that_does_not_push_yields_after_its_turn(tmp_path: Path) -> None:
    """Ten minutes without a push are enough for another one to try; a push ends that."""
    async with open_journal(tmp_path) as journal:
        configs = Configs(journal)
        configs.follow()
        configs.now = 599.0
        await configs.proven.save()
        assert configs.proven.yielding == frozenset()
        configs.now = 600.0
        await configs.proven.save()
        assert configs.proven.yielding == {WEB}
        configs.push()

        assert configs.proven.yielding == frozenset()


class Answers:
    """An API server that knows one GitRepoConfig besides those that are read."""

    async def get(self, path: str) -> dict[str, str]:
        if path.endswith("/namespaces/shop/gitrepoconfigs/elsewhere"):
            return {}
        raise NotFound(404, "NotFound", "there is none")


async def test_what_is_stored_of_a_deleted_config_is_dropped(tmp_path: Path) -> None:
    """Configs that there are, read or not selected, and tables of the file keep what is stored of them."""
    async with open_journal(tmp_path) as journal, trio.open_nursery() as nursery:
        for name in ("file", "shop/web", "shop/elsewhere", "shop/gone"):
            await journal.set_setting(f"place/{name}", "[]")
            await journal.set_setting(f"proven/{name}", "here")
        dropped, done = list[str](), trio.Event()

        def on_dropped(name: str) -> None:
            dropped.append(name)
            done.set()

        async def drop(name: str) -> None:
            dropped.append(f"clone of {name}")

        deleted = DeletedConfigs(journal, EventSender(), on_dropped, drop)
        deleted.follow([WEB])
        nursery.start_soon(deleted.run, Answers())
        with trio.fail_after(30):
            await done.wait()
        nursery.cancel_scope.cancel()

    assert dropped == ["clone of shop/gone", "shop/gone"]
    async with open_journal(tmp_path) as journal:
        assert {k for k, v in (await journal.get_settings("place/")).items() if v} == {
            "place/file",
            "place/shop/elsewhere",
            "place/shop/web",
        }
        assert (
            await journal.get_setting("proven/shop/gone"),
            await journal.get_setting("proven/shop/web"),
        ) == (
            "",
            "here",
        )
