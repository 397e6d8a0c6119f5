"""Settings of a destination that say whether and when its writer writes."""

from __future__ import annotations

import signal
import sqlite3
from pathlib import Path

import msgspec
import pytest
import structlog
import trio

from reverser.writer import push_retry
from reverser.writer.driver import Writer
from tests.e2e.remote import install_hook
from tests.integration.gitserver import git
from tests.integration.running import BOUND_SECONDS, Running, running
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


def reload(run: Running, **settings: object) -> None:
    """The destination has other settings, and the daemon is to take them over."""
    (live,) = run.config.destinations
    there = msgspec.structs.replace(live, **settings)
    run.config = msgspec.structs.replace(run.config, destinations=(there,))
    signal.raise_signal(signal.SIGHUP)


async def test_a_suspended_destination_waits_until_a_reload(tmp_path: Path) -> None:
    """Nothing moves in the remote meanwhile, nothing is stalled; then each change has its own commit."""

    def pending() -> int:
        with sqlite3.connect(run.journal) as db:
            return int(db.execute("SELECT count(*) FROM entries").fetchone()[0])

    def states() -> list[tuple[str, bool]]:
        lines = (line for line in logged if line["event"] == "condition changed")
        return [(line["type"], line["status"]) for line in lines if line["subject"] == "destination/live"]

    async with running(tmp_path) as run:
        await run.apply("a", "one")
        with structlog.testing.capture_logs() as logged:
            async with run.daemon():
                await run.until(lambda: "one" in run.file("a"), "the first file")
                before = git(run.remote, "rev-parse", "main")
                reload(run, suspend=True)
                await run.until(lambda: ("Suspended", True) in states(), "the condition")
                for value in ("two", "three"):
                    await run.apply("a", value)
                await run.until(lambda: pending() == 2, "the changes are journaled")
                assert git(run.remote, "rev-parse", "main") == before

                reload(run, suspend=False)
                await run.until(lambda: "three" in run.file("a"), "the changes")

    assert states() == [("Suspended", True), ("Suspended", False)]
    assert len(git(run.remote, "rev-list", f"{before}..main").splitlines()) == 2


async def test_a_suspended_destination_holds_up_no_shutdown(tmp_path: Path) -> None:
    """The daemon ends within a moment, and what waits is written when the next one may."""
    async with running(tmp_path) as run:
        (live,) = run.config.destinations
        suspended = msgspec.structs.replace(live, suspend=True)
        run.config = msgspec.structs.replace(run.config, destinations=(suspended,), grace_seconds=600.0)
        await run.apply("a", "one")
        with trio.fail_after(BOUND_SECONDS):
            async with run.daemon():
                await run.until(lambda: run.journal.exists(), "the journal")
        assert run.file("a") == ""

        run.config = msgspec.structs.replace(run.config, destinations=(live,))
        async with run.daemon():
            await run.until(lambda: "one" in run.file("a"), "the file")
