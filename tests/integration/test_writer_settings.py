"""Settings of a destination that say whether and when its writer writes."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
import trio

from reverser.writer import push_retry
from reverser.writer.driver import Writer
from tests.e2e.remote import install_hook
from tests.integration.gitserver import git
from tests.integration.running import running
from tests.integration.writing import World, world
from tests.writing import context


async def test_a_missing_branch_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beside another branch nothing is pushed but a condition tells; when the branch is there it goes on."""
    monkeypatch.setattr(push_retry, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(push_retry, "RETRY_SECONDS_MOST", 0.05)
    async with world(tmp_path, create_branch=False) as there:
        theirs = there.remote.commit({"readme": "hello"})
        git(there.remote.bare, "branch", "-m", "main", "other")
        async with there.writing():
            await there.change("a", "1")
            await there.until(lambda: bool(there.told))
            assert (there.told[0].reason, there.told[0].status) == ("BranchNotFound", True)
            assert git(there.remote.bare, "for-each-ref", "--format=%(refname)") == "refs/heads/other"

            git(there.remote.bare, "update-ref", "refs/heads/main", theirs)
            await there.landed()

    assert there.shown().keys() == {"readme", "a.yaml"}
    assert [each.status for each in there.told] == [True, False]


async def test_a_branch_that_is_deleted_is_not_brought_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Changes wait until somebody has pushed it again, and then all files are there."""
    monkeypatch.setattr(push_retry, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(push_retry, "RETRY_SECONDS_MOST", 0.05)
    async with world(tmp_path, create_branch=False) as there:
        theirs = there.remote.commit({"readme": "hello"})
        git(there.remote.bare, "update-ref", "refs/heads/other", theirs)
        async with there.writing():
            await there.change("a", "1")
            await there.landed()
            git(there.remote.bare, "update-ref", "-d", "refs/heads/main")
            await there.change("b", "1")
            await there.until(lambda: bool(there.told))
            assert there.remote.head == ""

            git(there.remote.bare, "update-ref", "refs/heads/main", theirs)
            await there.until(lambda: {"a.yaml", "b.yaml"} <= there.shown().keys())

    assert there.told[0].reason == "BranchNotFound"


async def test_subjects_read_as_the_seed_wrote_them(tmp_path: Path) -> None:
    """A live change is named by version, plural and name; the first snapshot as ever."""
    async with running(tmp_path) as run:
        (live,) = run.config.destinations
        run.config = msgspec.structs.replace(
            run.config, destinations=(msgspec.structs.replace(live, message="seed"),)
        )
        await run.apply("a", "one")
        async with run.daemon():
            await run.until(lambda: "one" in run.file("a"), "the first file")
            await run.apply("a", "two")
            await run.until(lambda: "two" in run.file("a"), "the change")

    subjects = git(run.remote, "log", "--format=%s", "main").splitlines()
    assert subjects[0] == "[UPDATE] v1/configmaps/a by user/unknown"
    assert subjects[-1].startswith("Snapshot of default: ")


def counting_pushes(there: World) -> Path:
    """A file that gets a line for each push that lands."""
    lines = there.remote.folder / "pushes"
    lines.touch()
    install_hook(there.remote.bare, "post-receive", f"echo pushed >> {lines}")
    return lines


async def test_changes_leave_together(tmp_path: Path) -> None:
    """Three are pushed at once when three are asked for, with a commit each; a fourth waits for others."""
    async with world(tmp_path, push_interval="1h", push_commits=3) as there:
        pushes = counting_pushes(there)
        async with there.writing():
            for name in ("a", "b", "c"):
                await there.change(name, "1")
            await there.landed()
            await there.change("d", "1")
            assert (await there.journal.backlog("live")).entries == 1

    assert there.remote.log() == ["a", "b", "c"]
    assert pushes.read_text() == "pushed\n"


async def test_a_change_waits_for_its_push_no_longer_than_it_may(tmp_path: Path) -> None:
    """It is pushed without any other coming."""
    async with world(tmp_path, push_interval="300ms") as there, there.writing():
        await there.change("a", "1")
        await there.change("b", "1")
        await there.landed()

    assert there.remote.log() == ["a", "b"]


async def test_a_shutdown_waits_for_no_interval(tmp_path: Path) -> None:
    """What waits for its push leaves at once, in one push."""
    async with world(tmp_path, push_interval="1h") as there:
        pushes = counting_pushes(there)
        writer = Writer(context(there.journal, there.there, health=there.health), there.repository)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(writer.run, trio.lowlevel.checkpoint)
            await there.change("a", "1")
            await there.change("b", "1")
            assert there.remote.head == ""
            writer.drain()

    assert there.remote.log() == ["a", "b"]
    assert pushes.read_text() == "pushed\n"
