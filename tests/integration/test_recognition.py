"""What commits of the branch claim to hold of our entries, and what they do hold."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from reverser.errors import TransientError
from reverser.model.change import Operation, Origin
from reverser.model.commit import PushResult
from reverser.model.entry import Append, Edit, Entry
from reverser.model.resource import ObjectKey
from tests.integration.gitserver import git
from tests.integration.writing import World, world

PATCHED = "# kept\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: theirs}\ndata: {v: '0'}\n"


def forge(there: World, message: str, name: str = "", content: str = "") -> str:
    """A commit of somebody who may push, with a message of his choice."""
    bare, head = there.remote.bare, there.remote.head
    tree = git(bare, "rev-parse", f"{head}^{{tree}}")
    if name:
        blob = git(bare, "hash-object", "-w", "--stdin", stdin=content.encode())
        rows = [row for row in git(bare, "ls-tree", head).splitlines() if not row.endswith(f"\t{name}")]
        tree = git(bare, "mktree", stdin="\n".join([*rows, f"100644 blob {blob}\t{name}", ""]).encode())
    made = git(bare, "commit-tree", "-p", head, "-m", message, tree)
    git(bare, "update-ref", "refs/heads/main", made, head)
    return made


def claim(there: World, numbers: str) -> str:
    """A message that claims entries of the running journal."""
    trailer = f"Kubernetes-Cluster: default\nReverser-Entry: {there.journal.id}/{numbers}"
    return f"By hand\n\n{trailer}"


async def remove(there: World, name: str) -> None:
    """A ConfigMap's deletion is journaled."""
    key = ObjectKey("default", "", "configmaps", "", name)
    edit = Edit(f"{name}.yaml", None)
    entry = Entry("live", key, "v1", "ConfigMap", Operation.DELETE, Origin.LIVE, edit, time.time())
    await there.journal.append(Append(entries=[entry], forgotten=[("live", key)]))


def entries(there: World) -> list[str]:
    """The numbers of the entries of all commits that say they hold some, the oldest first."""
    form = "%(trailers:key=Reverser-Entry,valueonly)"
    rows = git(there.remote.bare, "log", "--reverse", f"--format={form}", "main").split()
    return [row.partition("/")[2] for row in rows]


class Breaking:
    """A repository whose next push lands without an answer."""

    def __init__(self, there: World) -> None:
        self._repository = there.repository
        self.breaks = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._repository, name)

    async def push(self, head: str, parent: str) -> PushResult:
        result = await self._repository.push(head, parent)
        if self.breaks:
            self.breaks = False
            raise TransientError("the connection broke")
        return result


async def landed_unheard(there: World) -> None:
    """Let what is pending land without an answer, in a process that ends before it hears more."""
    whole, breaking = there.repository, Breaking(there)
    there.repository = breaking  # type: ignore[assignment]
    async with there.writing(window="300ms"):
        await there.until(lambda: not breaking.breaks)
    there.repository = whole


@pytest.mark.parametrize("numbers", ["{}", "1-999999999", "{}-999999999"])
async def test_an_entry_that_somebody_claims_beforehand_lands(tmp_path: Path, numbers: str) -> None:
    """An empty commit with the number that comes next keeps no change out of Git."""
    async with world(tmp_path) as there:
        async with there.writing():
            await there.change("a", "1")
            await there.landed()
            forge(there, claim(there, numbers.format(2)))
            await there.change("a", "2")
            await there.landed()
        assert '"2"' in there.shown()["a.yaml"]
        assert entries(there)[-1] == "2"


@pytest.mark.parametrize("numbers", ["2", "2-3", "1-999999999", "2\nReverser-Entry: {}/3"])
async def test_pending_entries_that_somebody_claims_land(tmp_path: Path, numbers: str) -> None:
    """What is pending lands in its order, whatever an empty commit claims of it."""
    async with world(tmp_path) as there:
        async with there.writing():
            await there.change("a", "1")
            await there.landed()
        await there.change("a", "2")
        await remove(there, "a")
        forge(there, claim(there, numbers.format(there.journal.id)))
        async with there.writing():
            await there.landed()
        assert "a.yaml" not in there.shown()
        assert entries(there)[-2:] == ["2", "3"]


async def test_a_later_entry_is_not_believed_before_an_earlier_one(tmp_path: Path) -> None:
    """Who claims the way back, which the tree does hold, does not make the way there the last word."""
    async with world(tmp_path) as there:
        async with there.writing():
            await there.change("a", "1")
            await there.landed()
        await there.change("a", "2")
        await there.change("a", "1")
        forge(there, claim(there, "3"))
        async with there.writing():
            await there.landed()
        assert '"1"' in there.shown()["a.yaml"]
        assert entries(there)[-2:] == ["2", "3"]


async def test_a_forged_edit_of_our_file_is_a_persons(tmp_path: Path) -> None:
    """The commit that goes on top of it names it."""
    async with world(tmp_path) as there:
        async with there.writing():
            await there.change("a", "1")
            await there.landed()
            forged = forge(there, claim(there, "2"), "a.yaml", "mine\n")
            await there.change("a", "2")
            await there.landed()
        assert '"2"' in there.shown()["a.yaml"]
        form = "--format=%(trailers:key=Reverser-Overwrote,valueonly)"
        assert git(there.remote.bare, "log", "-1", form, "main").strip() == forged


async def test_what_landed_unheard_is_recognized_by_the_next_process(tmp_path: Path) -> None:
    """Creations, changes, removals, windows and people's files land exactly once."""
    async with world(tmp_path) as there:
        async with there.writing():
            await there.change("a", "1")
            await there.change("gone", "1")
            await there.landed()
            forge(there, "By hand", "theirs.yml", PATCHED)
        await there.change("a", "2")
        await there.change("a", "3")
        await there.change("b", "1")
        await remove(there, "gone")
        await there.change("short", "1")
        await remove(there, "short")
        await there.change("theirs", "4")
        before = len(entries(there))
        await landed_unheard(there)
        made = entries(there)[before:]
        assert made == ["3-9"]
        async with there.writing():
            await there.landed()
        assert entries(there)[before:] == made
        shown = there.shown()
        assert shown.keys() == {"a.yaml", "b.yaml", "theirs.yml"}
        assert '"3"' in shown["a.yaml"]
        assert "# kept" in shown["theirs.yml"]
        assert "4" in shown["theirs.yml"]


async def test_a_document_that_went_unheard_is_recognized(tmp_path: Path) -> None:
    """The removal from a person's file lands exactly once, and no empty commit stands for it."""
    async with world(tmp_path) as there:
        async with there.writing():
            await there.change("a", "1")
            await there.landed()
            forge(there, "By hand", "theirs.yml", PATCHED + "---\n" + PATCHED.replace("theirs", "other"))
            await there.change("theirs", "1")
            await there.landed()
        await remove(there, "theirs")
        forge(there, claim(there, "3"))
        await landed_unheard(there)
        before = entries(there)
        async with there.writing():
            await there.landed()
        assert entries(there) == before == ["1", "2", "3", "3"]
        assert "theirs" not in there.shown()["theirs.yml"]
        assert "other" in there.shown()["theirs.yml"]


async def test_what_this_process_has_pushed_is_known_by_its_id(tmp_path: Path) -> None:
    """A push that landed although the connection broke is acknowledged without a look at its files."""
    async with world(tmp_path) as there:
        breaking = Blind(there)
        there.repository = breaking  # type: ignore[assignment]
        async with there.writing():
            await there.change("a", "1")
            await there.landed()
            breaking.breaks = True
            await there.change("a", "2")
            await there.landed()
        assert entries(there) == ["1", "2"]


class Blind(Breaking):
    """One in which nothing can be looked up, either."""

    async def at(self, places: Sequence[tuple[str, str]]) -> list[str]:
        raise AssertionError(places)


async def test_what_is_pending_behind_a_withheld_entry_claims_nothing_of_it(tmp_path: Path) -> None:
    """The next commit of the object names all of it as come along; the one after that is whole."""
    async with world(tmp_path) as there:
        there.remote.commit({"taken.yaml": "notes: mine\n"})
        key = ObjectKey("default", "", "configmaps", "", "a")
        for path, value in (("taken.yaml", b"1"), ("a.yaml", b"2"), ("a.yaml", b"3")):
            edit = Edit(path, b"v: %s\n" % value)
            entry = Entry("live", key, "v1", "ConfigMap", Operation.UPDATE, Origin.LIVE, edit, time.time())
            await there.journal.append(Append(entries=[entry]))
        async with there.writing():
            await there.landed()
        form = "--format=%(trailers:key=Kubernetes-Came-Along,valueonly,separator=%x2c)"
        told = git(there.remote.bare, "log", "--reverse", form, "main").split("\n")
        assert told[-2:] == ["*; object=_cluster/configmaps/a", ""]
        assert entries(there) == ["2", "3"]
