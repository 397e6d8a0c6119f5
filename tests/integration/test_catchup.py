"""What a session reads of the journal before it writes: the branch is compared with all that is known."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reverser.journal.sqlite import SqliteJournal, open_journal
from reverser.model.change import Operation, Origin
from reverser.model.entry import Append, Edit, Entry, Record
from reverser.model.journal import Journal
from reverser.model.resource import ObjectKey
from reverser.writer.catchup import CHUNK, CatchUp
from reverser.writer.repository_files import ExistingFiles
from tests.writing import context

MANY = 6 * CHUNK


class Branch:
    """A branch at one head, with these files."""

    head = ""

    def __init__(self, *paths: str) -> None:
        self.paths = paths

    async def fetch(self) -> str:
        return self.head

    async def is_ancestor(self, old: str, head: str) -> bool:
        return old == head

    async def tree(self, commit: str) -> dict[str, tuple[str, str]]:
        return {path: ("100644", path) for path in self.paths}

    async def sizes(self, ids: list[str]) -> dict[str, int]:
        return dict.fromkeys(ids, 0)

    async def blobs(self, ids: list[str]) -> dict[str, bytes]:
        return dict.fromkeys(ids, b"")


def made(name: str) -> Append:
    """An object that is new, and whose file is about to be."""
    key = ObjectKey("default", "", "configmaps", "shop", name)
    edit = Edit(f"{name}.yaml", b"x")
    entry = Entry("live", key, "v1", "ConfigMap", Operation.CREATE, Origin.SNAPSHOT, edit, 0.0)
    return Append(entries=[entry], records=[Record("live", key, edit.path, b"d", b"{}")])


def together(*parts: Append) -> Append:
    return Append(
        entries=[each for part in parts for each in part.entries],
        records=[each for part in parts for each in part.records],
    )


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    async with open_journal(tmp_path) as opened:
        yield opened


async def caught_up(journal: Journal, branch: Branch) -> ExistingFiles:
    """What the session after the first one knows."""
    catch_up = CatchUp(context(journal), branch)
    await catch_up.run(0.0)
    branch.head = "head"
    await journal.set_head("live", branch.head)
    return (await catch_up.run(0.0))[1]


async def test_pending_entries_are_not_held_while_a_session_begins(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restart in the middle of a first snapshot reads what is known once, a part at a time."""
    await journal.append(together(*(made(f"n{number}") for number in range(MANY))))
    read, held = list[ObjectKey | None](), list[int]()
    some_records = SqliteJournal.some_records

    async def counted(
        self: SqliteJournal, destination: str, after: ObjectKey | None, limit: int
    ) -> list[Record]:
        read.append(after)
        held.append(sum(isinstance(each, (Entry, Record)) for each in gc.get_objects()))
        return await some_records(self, destination, after, limit)

    monkeypatch.setattr(SqliteJournal, "some_records", counted)

    await caught_up(journal, Branch("n1.yaml"))

    assert len(read) == len(set(read)), "a part was read twice"
    assert len(read) == MANY // CHUNK + 1
    assert max(held) < 3 * CHUNK


async def test_what_becomes_known_while_records_are_read_is_not_there_yet(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person's file at the path of an object that is made at this very moment is no file of ours."""
    some_records = SqliteJournal.some_records

    async def meanwhile(
        self: SqliteJournal, destination: str, after: ObjectKey | None, limit: int
    ) -> list[Record]:
        if after is None:
            await self.append(made("web"))
        return await some_records(self, destination, after, limit)

    monkeypatch.setattr(SqliteJournal, "some_records", meanwhile)

    foreign = await caught_up(journal, Branch("web.yaml"))

    assert foreign.standing((await journal.pending("live"))[0]) == ""
