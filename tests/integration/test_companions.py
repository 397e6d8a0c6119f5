"""Files that plugins keep beside ours: in nobody's way, and ours even when the journal was lost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import reverser_kustomize

from reverser import unexpected_errors
from reverser.builtin_hooks import BUILT_IN, BuiltInHooks
from reverser.git.repository import open_repository
from reverser.journal.sqlite import open_journal
from reverser.model.destination import Destination
from reverser.model.entry import Append, Record
from reverser.model.repository import Repository
from reverser.model.resource import ObjectKey
from reverser.plugins import Host
from reverser.plugins import Plugin as Loaded
from reverser.writer.destination_context import CompanionSource
from reverser.writer.plugin_files import Companions
from tests.e2e.remote import Remote
from tests.integration.gitsupport import commit, destination
from tests.writing import context

Opened = tuple[Companions, Repository]
Told = Callable[[Collection[str]], Mapping[str, str | None]]
OURS = ("shop/a.yaml", "shop/b.yaml")


class Plugin:
    """One that keeps files by what files there are."""

    def __init__(self, told: Told) -> None:
        self._told = told

    def companions(
        self,
        changed: Collection[str],
        files: Collection[str],
        destination: Destination,
        others: Collection[str],
    ) -> Mapping[str, str | None]:
        del changed, destination, others
        return self._told(files)


def listing(files: Collection[str]) -> Mapping[str, str | None]:
    """A list of all files, none when there are none."""
    return {"shop/list": "\n".join(files) or None}


@asynccontextmanager
async def companions(folder: Path, told: Told | CompanionSource) -> AsyncIterator[Opened]:
    """Those of a branch where two files are ours; the journal is new."""
    there = destination(f"file://{folder}/remote.git")
    async with (
        open_journal(folder) as journal,
        open_repository(folder / "ours", there) as repository,
    ):
        keys = [ObjectKey("default", "", "configmaps", "shop", path) for path in OURS]
        records = [Record(there.name, key, key.name, b"", b"{}") for key in keys]
        await journal.append(Append(records=records))
        plugin = Plugin(told) if callable(told) else told
        yield Companions(context(journal, there, companions=plugin), repository), repository


async def pushed(remote: Remote, folder: Path, **files: str) -> str:
    """A branch with our files and these."""
    async with open_repository(folder, destination(remote.url)) as repository:
        [head] = await repository.write([commit("all", **dict.fromkeys(OURS, "x"), **files)], "")
        assert (await repository.push(head, "")).landed
    return head


@pytest.mark.parametrize(
    "path",
    [
        "shop",
        "shop/a.yaml",
        "shop/a.yaml/x",
        "theirs",
        "theirs/x.yaml",
        "theirs/x.yaml/y",
        "../out",
        ".git/x",
    ],
)
async def test_a_companion_is_in_nobodys_way(tmp_path: Path, path: str) -> None:
    """Neither in the place of a file nor of a folder with files: git would drop what was there."""
    remote = Remote(tmp_path / "remote.git")
    head = await pushed(remote, tmp_path / "theirs", **{"theirs/x.yaml": "x"})
    before = remote.paths()
    async with companions(tmp_path, lambda _: {path: "mine", "good": "mine"}) as (found, repository):
        assert await repository.fetch() == head
        first = await found.update_all(head, 0.0)
        assert first is not None
        [made] = await repository.write([first], head)
        [later] = await repository.write(await found.add_to([commit(**{"shop/c.yaml": "1"})]), made)
        assert (await repository.push(later, head)).landed

    assert remote.paths() == before | {"good", "shop/c.yaml"}
    assert remote.show("shop/a.yaml") == remote.show("theirs/x.yaml") == "x"


async def test_companions_are_not_inside_each_other(tmp_path: Path) -> None:
    """Of a file and a file in a folder of its name, the first is written."""
    async with companions(tmp_path, lambda _: {"a": "1", "a/b": "2"}) as (found, _):
        first = await found.update_all("", 0.0)

    assert first is not None
    assert [edit.path for edit in first.edits] == ["a"]


async def test_companions_that_did_not_land_are_the_same_commit_again(tmp_path: Path) -> None:
    """However often they are refused: another time would make another commit, and of all on top of it."""
    async with companions(tmp_path, lambda _: {"a": "1"}) as (found, _):
        assert await found.update_all("", 1.0) == await found.update_all("", 2.0)


def raises(_: Collection[str]) -> Mapping[str, str | None]:
    raise KeyError("canary-hunter2")


ODD: list[tuple[Told, set[str]]] = [
    (raises, set()),
    (lambda _: 5, set()),  # type: ignore[arg-type, return-value]
    (lambda _: {5: "1", "good": "1"}, {"good"}),  # type: ignore[dict-item]
    (lambda _: {"a": 5, "good": "1"}, {"good"}),  # type: ignore[dict-item]
    (lambda _: {"a\udcff": "1", "good": "1"}, {"good"}),
    (lambda _: {"a": "\udcff", "good": "1"}, {"good"}),
]


@pytest.mark.parametrize(("told", "kept"), ODD)
async def test_an_answer_that_cannot_be_used_stops_no_commit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], told: Told, kept: set[str]
) -> None:
    """The objects' files land, with those companions that are in order; the bug is counted and logged."""
    remote = Remote(tmp_path / "remote.git")
    head = await pushed(remote, tmp_path / "theirs")
    counted = unexpected_errors.counts["companions"]
    async with companions(tmp_path, told) as (found, repository):
        assert await repository.fetch() == head
        first = await found.update_all(head, 0.0)
        made = await repository.write([first] if first else [], head)
        parent = made[-1] if made else head
        [later] = await repository.write(await found.add_to([commit(**{"shop/c.yaml": "1"})]), parent)
        assert (await repository.push(later, head)).landed

    assert remote.paths() == {*OURS, "shop/c.yaml"} | kept
    assert unexpected_errors.counts["companions"] > counted
    said = capsys.readouterr().out
    assert "bug contained" in said
    assert "canary-hunter2" not in said


async def test_a_lost_journal_loses_no_companion(tmp_path: Path) -> None:
    """A file that is what the plugin wants it to be is kept up to date from then on."""
    remote = Remote(tmp_path / "remote.git")
    head = await pushed(remote, tmp_path / "theirs", **{"shop/list": "\n".join(OURS)})
    async with companions(tmp_path, listing) as (found, repository):
        assert await found.update_all(await repository.fetch(), 0.0) is None
        [more] = await found.add_to([commit(**{"shop/c.yaml": "1"})])
        made = await repository.write([more], head)
        await repository.push(made[-1], head)

    assert remote.show("shop/list").split() == [*OURS, "shop/c.yaml"]
    async with companions(tmp_path, lambda _: {"shop/list": "other"}) as (found, repository):
        again = await found.update_all(await repository.fetch(), 0.0)
        assert again is not None, "it is remembered whatever is in it"


async def test_somebody_elses_file_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """That it is in the way is told once, not at each commit."""
    remote = Remote(tmp_path / "remote.git")
    await pushed(remote, tmp_path / "theirs", **{"shop/list": "theirs"})
    async with companions(tmp_path, listing) as (found, repository):
        assert await found.update_all(await repository.fetch(), 0.0) is None
        commits = [commit(**{f"shop/{number}.yaml": "1"}) for number in range(9)]
        assert await found.add_to(commits) == commits

    assert capsys.readouterr().out.count("plugin's file is not written") == 1


async def test_a_persons_kustomization_is_the_only_one(tmp_path: Path) -> None:
    """Kustomize refuses a folder with two: ours goes when a person adds one, and comes back later."""
    remote = Remote(tmp_path / "remote.git")
    head = await pushed(remote, tmp_path / "theirs")
    reverser_kustomize.reverser_configure(reverser_kustomize.Settings())
    plugin = Host([Loaded("kustomize", reverser_kustomize, "")]).deciding(BuiltInHooks(disabled=BUILT_IN))
    there: list[bool] = []
    async with companions(tmp_path, plugin) as (found, repository):
        await repository.fetch()
        for theirs in ({}, {"shop/Kustomization": "resources: []\n"}, {"shop/Kustomization": None}):
            if theirs:
                [head] = await repository.write([commit("person", **theirs)], head)
            if first := await found.update_all(head, 0.0):
                [head] = await repository.write([first], head)
            there.append("shop/kustomization.yaml" in await repository.tree(head))

    assert there == [True, False, True]
