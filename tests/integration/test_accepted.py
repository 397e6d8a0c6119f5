"""Accepted is accepted: what a changed configuration, a failing git or a withheld entry must not lose."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reverser.errors import TransientError
from reverser.git.repository import open_repository
from reverser.journal.sqlite import open_journal
from reverser.model.change import Operation, Origin
from reverser.model.destination import Destination
from reverser.model.entry import Append, Edit, Entry, Record, digest
from reverser.model.resource import ObjectKey
from reverser.sandbox import Sandbox
from reverser.writer.recovery import Recovery
from tests.e2e.remote import Remote, git
from tests.integration.branches import Side, config_map, person, until, value, values, wind_back
from tests.older_journal import BEFORE_FORMAT_7
from tests.writing import context

WEB, GONE = "shop/configmaps/web.yaml", "shop/configmaps/gone.yaml"


@pytest.fixture
async def side(tmp_path: Path) -> AsyncIterator[Side]:
    """A cluster with two ConfigMaps, both in the branch."""
    async with Sandbox.open() as sandbox:
        await sandbox.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
        made = Side("east", tmp_path, sandbox, Remote(tmp_path / "remote.git"))
        await made.put(web="1", gone="1")
        assert await made.passed() == ""
        assert values(made.remote) == {WEB: "1", GONE: "1"}
        yield made


def waiting(side: Side) -> int:
    """How many entries are pending."""
    with closing(sqlite3.connect(side.data / "journal.sqlite")) as database:
        (count,) = database.execute("SELECT count(*) FROM entries").fetchone()
    return int(count)


async def changed_while_away(side: Side) -> Path:
    """The remote is away, and two changes are accepted: one object changes, one goes. Where the remote is."""
    hidden = side.remote.path.rename(side.remote.path.with_name("hidden.git"))
    async with side.running() as daemon:
        await side.put(web="2")
        await side.delete("gone")
        await until(lambda: waiting(side) == 2)
        daemon.stop()
    return hidden


async def landed(side: Side, head: str, *wanted: str) -> None:
    """Run until the branch is as wanted; the subjects since a commit are these."""
    async with side.running():
        await until(lambda: side.remote.head() and values(side.remote) == {WEB: "2"})
    assert side.remote.subjects(head)[: len(wanted)] == list(wanted)


BOTH = (
    "[UPDATE] shop/configmaps/web by unknown",
    "[DELETE] shop/configmaps/gone by unknown",
)


@pytest.mark.parametrize("how", ["spelled", "host"])
async def test_a_url_that_is_spelled_otherwise(side: Side, how: str) -> None:
    """The same repository under another URL, or name of its host: what is pending lands, with its authors."""
    head = side.remote.head()
    hidden = await changed_while_away(side)
    new = side.remote.path if how == "spelled" else side.remote.path.with_name("moved.git")
    hidden.rename(new)
    side.remote = Remote(new)
    side.destinations = [
        {"name": "live", "url": f"file://{new.parent}/./{new.name}"} if how == "spelled" else {"name": "live"}
    ]

    await landed(side, head, *BOTH)

    assert len(side.remote.commits(head)) == 2, "no snapshot: nothing else has changed"


async def test_another_repository(side: Side, tmp_path: Path) -> None:
    """What is pending lands in the new place, then comes a snapshot; the old place stays as it was."""
    await side.put(other="1")
    assert await side.passed() == ""
    hidden = await changed_while_away(side)
    old, side.remote = Remote(hidden), Remote(tmp_path / "new.git")

    async with side.running():
        await until(lambda: values(side.remote) == {WEB: "2", "shop/configmaps/other.yaml": "1"})

    assert side.remote.subjects()[0] == BOTH[0]
    assert GONE in old.paths()


async def test_a_persons_file_in_the_new_place(side: Side, tmp_path: Path) -> None:
    """A path that was ours in the old place is not ours in the new one: the person's file stays."""
    await changed_while_away(side)
    side.remote = Remote(tmp_path / "new.git")
    person(side.remote, tmp_path, "Mine", **{WEB: "notes: mine\n", GONE: "notes: mine, too\n"})

    assert await side.passed() == "PathTaken"

    assert side.remote.show(WEB) == "notes: mine\n"
    assert side.remote.show(GONE) == "notes: mine, too\n"


async def test_a_destination_that_is_called_otherwise(side: Side) -> None:
    """Records and pending changes go along with the new name."""
    head = side.remote.head()
    (await changed_while_away(side)).rename(side.remote.path)
    side.destinations = [{"name": "renamed"}]

    await landed(side, head, *BOTH)

    assert len(side.remote.commits(head)) == 2


async def test_a_fork_of_the_branch(side: Side) -> None:
    """In another branch that has our files they are taken over: those of objects that went are swept."""
    git("-C", side.remote.path, "update-ref", "refs/heads/main", "refs/heads/main")
    await side.put(later="1")
    assert await side.passed() == ""
    git("-C", side.remote.path, "branch", "other", "main~1")
    await side.delete("gone")
    side.destinations = [{"name": "live", "branch": "other"}]

    assert await side.passed() == ""

    assert side.remote.paths("other") == {WEB, "shop/configmaps/later.yaml"}
    assert GONE in side.remote.paths("main")


async def test_observing_and_back(side: Side) -> None:
    """What was pending lands, what went meanwhile is swept, what came is written."""
    head = side.remote.head()
    hidden = await changed_while_away(side)
    hidden.rename(side.remote.path)
    side.destinations = [{"name": "live", "mode": "observe"}]
    await side.put(new="1", brief="1")
    assert await side.passed() == ""
    await side.delete("brief")
    await side.put(web="3")
    assert await side.passed() == ""
    assert side.remote.head() == head, "nothing is written meanwhile"

    side.destinations = [{"name": "live"}]
    assert await side.passed() == ""

    assert values(side.remote) == {WEB: "3", "shop/configmaps/new.yaml": "1"}
    assert side.remote.subjects(head)[:2] == list(BOTH)
    await side.delete("web")
    assert await side.passed() == ""
    assert values(side.remote) == {"shop/configmaps/new.yaml": "1"}


async def test_observing_when_objects_went(side: Side) -> None:
    """The file of an object that was deleted while nothing was written does not stay."""
    side.destinations = [{"name": "live", "mode": "observe"}]
    await side.delete("gone")
    assert await side.passed() == ""
    side.destinations = [{"name": "live"}]

    assert await side.passed() == ""

    assert values(side.remote) == {WEB: "1"}


async def test_a_withheld_entry_does_not_make_its_object_forgotten(side: Side, tmp_path: Path) -> None:
    """A mistake stood in our file's place, and was mended before the object went: its file goes, too."""
    clone = tmp_path / "clone"
    git("clone", "--quiet", side.remote.path, clone)
    (clone / WEB).unlink()
    (clone / WEB).symlink_to("/tmp")
    git("commit", "--quiet", "-am", "A mistake", cwd=clone)
    git("push", "--quiet", "origin", "HEAD:main", cwd=clone)
    await side.put(web="2")
    assert await side.passed() == "UnsafePath"
    git("revert", "--no-edit", "HEAD", cwd=clone)
    git("push", "--quiet", "origin", "HEAD:main", cwd=clone)
    await side.delete("web")

    assert await side.passed() == ""

    assert values(side.remote) == {GONE: "1"}


async def test_a_move_that_is_withheld_loses_no_file(side: Side, tmp_path: Path) -> None:
    """Somebody's file stands where ours was to go: both stay, and ours goes with its object."""
    person(side.remote, tmp_path, "Mine", **{f"new/{GONE}": "notes: mine\n"})
    side.destinations = [{"name": "live", "path": "new"}]
    assert await side.passed() == "PathTaken"
    assert side.remote.show(f"new/{GONE}") == "notes: mine\n"
    assert value(side.remote, GONE) == "1"
    side.destinations = [{"name": "live"}]
    await side.delete("gone")

    assert await side.passed() == ""

    assert {path for path in side.remote.paths() if "gone" in path} == {f"new/{GONE}"}


async def test_git_that_is_killed_is_no_answer(
    side: Side, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A merge-base that was killed does not mean that history was rewritten: people's edits stay."""
    text = side.remote.show(WEB) + "# a remark\n"
    person(side.remote, tmp_path, "A remark", **{WEB: text})
    head = side.remote.head()
    real = git("--exec-path").strip()
    program = tmp_path / "bin/git"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\ncase "$*" in *merge-base*) kill -9 $$;; esac\nexec {real}/git "$@"\n')
    program.chmod(0o755)
    with monkeypatch.context() as patched:
        patched.setenv("PATH", str(program.parent), prepend=":")
        assert await side.passed() != ""
        assert "merge-base" in side.told

    assert await side.passed() == ""

    assert side.remote.show(WEB) == text
    assert side.remote.head() == head


@pytest.mark.parametrize("state", ["damaged", "missing", "other"])
async def test_what_git_says_of_history(tmp_path: Path, state: str) -> None:
    """A commit that is missing, or beside the branch, is no ancestor; one that is damaged tells nothing."""
    remote = Remote(tmp_path / "remote.git")
    tree = git("-C", remote.path, "hash-object", "-t", "tree", "-w", "/dev/null").strip()
    first = git("-C", remote.path, "commit-tree", "-m", "1", tree).strip()
    second = git("-C", remote.path, "commit-tree", "-m", "2", "-p", first, tree).strip()
    git("-C", remote.path, "update-ref", "refs/heads/main", second)
    async with open_repository(tmp_path / "ours", Destination("live", remote.url)) as repository:
        assert await repository.fetch() == second
        assert await repository.is_ancestor(first, second)
        if state == "damaged":
            path = tmp_path / "ours/objects" / second[:2] / second[2:]
            path.chmod(0o644)
            path.write_bytes(b"")
            with pytest.raises(TransientError, match="merge-base"):
                await repository.is_ancestor(first, second)
        elif state == "missing":
            assert not await repository.is_ancestor("1" * 40, second)
        else:
            assert not await repository.is_ancestor(second, first)


def _entry(name: str, content: bytes | None) -> Entry:
    key = ObjectKey("default", "", "configmaps", "shop", name)
    edit = Edit(f"shop/{name}.yaml", content)
    return Entry("live", key, "v1", "ConfigMap", Operation.UPDATE, Origin.LIVE, edit, 0.0)


async def test_restoring_yields_to_what_the_intake_writes_meanwhile(tmp_path: Path) -> None:
    """After a rewritten history an object that changes in this moment is not put back to what it was."""
    remote = Remote(tmp_path / "remote.git")
    async with (
        open_journal(tmp_path) as journal,
        open_repository(tmp_path / "ours", Destination("live", remote.url)) as repository,
    ):
        keys = [_entry(name, b"").key for name in ("same", "newer", "outside")]
        old = digest(b"old", journal.key)
        content = b'{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"}}'
        paths = ["shop/same.yaml", "shop/newer.yaml", "elsewhere/x.yaml"]
        records = [Record("live", key, path, old, content) for key, path in zip(keys, paths, strict=True)]
        await journal.append(Append(records=records))

        class Meanwhile:
            """The journal, in which the intake writes right after the records were read."""

            def __getattr__(self, name: str) -> Any:
                return getattr(journal, name)

            async def records(self, destination: str, wanted: Any) -> Any:
                found = await journal.records(destination, wanted)
                newer = Record("live", keys[1], paths[1], digest(b"new", journal.key), content)
                await journal.append(Append(entries=[_entry("newer", b"new")], records=[newer]))
                return found

        there = context(journal, Destination("live", remote.url, path="shop"))
        recovery = Recovery(msgspec.structs.replace(there, journal=Meanwhile()), repository)
        await recovery.restore_files("", [], there.identity, {}, 0.0)

        written = [(each.key.name, each.reason[:8]) for each in await journal.pending("live")]
    assert sorted(written) == [("newer", ""), ("same", "restored")]


async def test_two_destinations_and_a_history_that_was_rewound(side: Side) -> None:
    """Each destination of one daemon brings its own folder back; nothing of the other is older afterwards."""
    side.destinations = [
        {"name": "full", "path": "full"},
        {"name": "team", "path": "team", "namespaces": ("ops",)},
    ]
    await side.sandbox.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ops"}})
    heads = []
    for number in "123":
        await side.put(web=number)
        await side.sandbox.apply(config_map("web", number, "ops"))
        assert await side.passed() == ""
        heads.append(side.remote.head())
    for old in heads[:2]:
        wind_back(side.remote, old)
        assert await side.passed() == ""
        assert await side.passed() == ""
        assert value(side.remote, f"full/{WEB}") == "3"
        assert value(side.remote, "team/ops/configmaps/web.yaml") == "3"


async def test_two_destinations_of_a_lost_data_dir(side: Side) -> None:
    """Each takes its own folder over: no file moves, and those of objects that went go in both."""
    side.destinations = [{"name": name, "path": name, "adopt": True} for name in ("full", "team")]
    assert await side.passed() == ""
    before = values(side.remote)
    side.lose_data()
    assert await side.passed() == ""
    assert values(side.remote) == before
    side.lose_data()
    await side.delete("gone")

    assert await side.passed() == ""

    assert values(side.remote) == {path: value for path, value in before.items() if f"/{GONE}" not in path}


async def test_another_daemons_file_is_never_edited(side: Side, tmp_path: Path) -> None:
    """Its file describes the same object, in our folder: it stays, and the object has a file of ours."""
    theirs = "theirs/web.yaml"
    text = side.remote.show(WEB).replace('"1"', '"theirs"')
    message = "Snapshot\n\nKubernetes-Cluster: west\nReverser-Entry: 0123456789ab/1"
    person(side.remote, tmp_path, message, **{theirs: text})
    await side.put(web="2")

    assert await side.passed() == ""

    assert side.remote.show(theirs) == text
    assert value(side.remote, WEB) == "2"


OLDER = f"""
{BEFORE_FORMAT_7}
DELETE FROM facts WHERE name LIKE 'others/%' OR name LIKE 'followed/%' OR name LIKE 'place/%';
ALTER TABLE records DROP COLUMN mark;
ALTER TABLE records DROP COLUMN selectors;
ALTER TABLE records DROP COLUMN latest;
PRAGMA user_version=3;
"""


def make_older(side: Side, *statements: str) -> None:
    """Bring the journal to where an earlier release may have left it."""
    with closing(sqlite3.connect(side.data / "journal.sqlite")) as database:
        database.executescript(OLDER + ";".join(statements))
        place = f'["{side.remote.url}","main","commit"]'
        database.execute("INSERT INTO facts VALUES ('place/live', ?)", (place,))
        database.commit()


async def test_an_upgrade_sweeps_what_an_earlier_release_forgot(side: Side, tmp_path: Path) -> None:
    """The file of an object that is gone goes, though nothing is recorded of it; a person's file stays."""
    text = side.remote.show(WEB).replace("name: web", "name: mine")
    person(side.remote, tmp_path, "Mine", **{"mine.yaml": text})
    await side.put(mine="2")
    assert await side.passed() == ""
    assert value(side.remote, "mine.yaml") == "2"
    make_older(side, "DELETE FROM records WHERE name IN ('gone', 'mine', 'web')")
    await side.delete("gone")
    await side.delete("mine")
    head = side.remote.head()

    assert await side.passed() == ""

    assert values(side.remote) == {WEB: "1", "mine.yaml": "2"}
    assert len(side.remote.commits(head)) == 1


async def test_an_upgrade_keeps_what_an_earlier_release_took_over(side: Side) -> None:
    """Files of a journal that was lost long ago are recorded already: nobody is asked about them again."""
    side.lose_data()
    side.destinations = [{"name": "live", "adopt": True}]
    assert await side.passed() == ""
    head = side.remote.head()
    make_older(side)
    side.destinations = [{"name": "live"}]

    assert await side.passed() == ""
    assert side.remote.head() == head
    await side.delete("gone")
    assert await side.passed() == ""
    assert values(side.remote) == {WEB: "1"}


async def test_a_data_directory_from_a_backup(side: Side, tmp_path: Path) -> None:
    """It knows by its key what was written after it: nobody is asked, nothing stays over."""
    shutil.copytree(side.data, tmp_path / "backup")
    await side.put(web="2", later="1")
    assert await side.passed() == ""
    shutil.rmtree(side.data)
    (tmp_path / "backup").rename(side.data)
    await side.delete("later")
    await side.put(gone="2")

    assert await side.passed() == ""

    assert values(side.remote) == {WEB: "2", GONE: "2"}
    assert len([subject for subject in side.remote.subjects() if "later" in subject]) <= 1


async def test_what_came_and_went_after_a_backup(side: Side, tmp_path: Path) -> None:
    """The creation and the deletion are both told again, and the file is there: it goes."""
    async with side.running():
        await until(lambda: values(side.remote) == {WEB: "1", GONE: "1"})
    shutil.copytree(side.data, tmp_path / "backup")
    later = "shop/configmaps/later.yaml"
    async with side.running():
        await side.put(later="1")
        await until(lambda: later in side.remote.paths())
    shutil.rmtree(side.data)
    (tmp_path / "backup").rename(side.data)
    await side.delete("later")

    async with side.running():
        await side.put(web="2")
        await until(lambda: value(side.remote, WEB) == "2")
        await until(lambda: later not in side.remote.paths())
