"""A writer between a real journal and a real remote that others move: rewound, deleted, always busy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import trio

from reverser.model.destination import Signing
from reverser.model.repository import Repository
from reverser.model.secret import SecretRef
from reverser.writer import push_retry
from tests.e2e.remote import install_hook
from tests.integration.gitserver import git
from tests.integration.signing_keys import made
from tests.integration.writing import world


class Reading:
    """A repository that remembers what is read from it."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self.blobs_read: list[str] = []
        self.trees = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._repository, name)

    async def tree(self, commit: str) -> dict[str, tuple[str, str]]:
        self.trees += 1
        return await self._repository.tree(commit)

    async def blobs(self, ids: Sequence[str]) -> dict[str, bytes]:
        self.blobs_read += ids
        return await self._repository.blobs(ids)


async def test_a_history_that_was_rewound_stays_so(tmp_path: Path) -> None:
    """What was taken out of the branch is not pushed again; our files come back as a new commit."""
    async with world(tmp_path) as there, there.writing():
        await there.change("a", "1")
        await there.landed()
        kept = there.remote.head
        await there.theirs("password", "hunter2")
        await there.change("b", "1")
        await there.landed()
        mistaken = there.remote.log("%H")[1:]
        git(there.remote.bare, "update-ref", "refs/heads/main", kept)
        await there.change("a", "2")
        await there.until(lambda: "b.yaml" in there.shown() and '"2"' in there.shown()["a.yaml"])
        await there.landed()

    assert there.shown().keys() == {"a.yaml", "b.yaml"}
    assert there.remote.log("%H")[0] == kept
    assert not {*mistaken} & {*there.remote.log("%H")}


async def test_a_branch_that_was_deleted_is_begun_anew(tmp_path: Path) -> None:
    """Its old commits are not pushed again; our files are all there."""
    async with world(tmp_path) as there, there.writing():
        await there.change("a", "1")
        await there.landed()
        old = there.remote.log("%H")
        git(there.remote.bare, "update-ref", "-d", "refs/heads/main")
        await there.change("b", "1")
        await there.until(lambda: there.shown().keys() == {"a.yaml", "b.yaml"})

    assert not {*old} & {*there.remote.log("%H")}


async def test_a_window_closes_beside_others_who_push_all_the_time(tmp_path: Path) -> None:
    """Pushes of somebody else, more often than once a window, do not hold a change back."""
    async with world(tmp_path) as there, there.writing(window="3s"):
        await there.change("first", "1")
        await there.landed()
        await there.change("a", "1")
        pushes = 0
        while (await there.journal.backlog("live")).entries:
            await there.theirs("theirs", str(pushes))
            pushes += 1
            assert pushes < 6, "the window is begun anew with each push"
            await trio.sleep(2.0)

    assert there.shown().keys() == {"first.yaml", "a.yaml", "theirs"}


async def test_only_what_changed_is_read_again(tmp_path: Path) -> None:
    """A branch of many manifests that somebody pushes to costs one blob for each file that they change."""
    manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {}\n"
    async with world(tmp_path) as there:
        read = Reading(there.repository)
        there.repository = read  # type: ignore[assignment]
        files: dict[str, str | None] = {f"theirs/{n}.yaml": manifest.format(f"n{n}") for n in range(600)}
        await trio.to_thread.run_sync(there.remote.commit, files)
        async with there.writing():
            await there.change("first", "1")
            await there.landed()
            assert len(read.blobs_read) == 600
            read.blobs_read.clear()
            for name in ("moved", "moved", "other"):
                await there.theirs(f"{name}.yaml", manifest.format(name) + f"# {len(read.blobs_read)}\n")
                await there.change(f"after-{len(read.blobs_read)}", "1")
                await there.landed()
            assert len(read.blobs_read) == 3
            assert read.trees == 1
            read.blobs_read.clear()
            for name in ("moved", "n7"):
                await there.change(name, "theirs is edited")
            await there.landed()

    for path in ("moved.yaml", "theirs/7.yaml"):
        assert "v: theirs is edited" in git(there.remote.bare, "show", f"main:{path}")
    assert not {"n7.yaml"} & {*git(there.remote.bare, "ls-tree", "--name-only", "main").splitlines()}


def objects(repository: Path) -> int:
    """How many objects there are, in packs and beside them."""
    counted = dict(line.split(": ") for line in git(repository, "count-objects", "-v").splitlines())
    return int(counted["count"]) + int(counted["in-pack"])


async def test_refused_pushes_take_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often a push is refused, the local repository stays as it is, with random signatures too."""
    monkeypatch.setattr(push_retry, "RETRY_SECONDS", 0.001)
    monkeypatch.setattr(push_retry, "RETRY_SECONDS_MOST", 0.001)
    tries = tmp_path / "tries"
    key = SecretRef(value=made("p256").decode())
    async with world(tmp_path, Signing(key)) as there:
        install_hook(there.remote.bare, "pre-receive", f'echo >> "{tries}"; exit 1')
        tries.write_text("")

        async def tried(times: int) -> None:
            end = len(tries.read_text()) + times
            await there.until(lambda: len(tries.read_text()) >= end)

        for number in range(30):
            await there.change(f"n{number}", "1")
        async with there.writing():
            await tried(2)
            before = objects(tmp_path / "ours")
            await tried(5)
            assert objects(tmp_path / "ours") == before
            there.remote.allow()
            await there.landed()
    assert len(there.remote.log()) == 30
