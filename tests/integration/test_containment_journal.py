"""Rubbish in the rows of a journal: it starts, the row is withheld and shown, all others go on."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from reverser.attribution.fact_store import FactStore
from reverser.health import Health
from reverser.journal.sqlite import open_journal
from reverser.model.entry import Append
from reverser.model.journal import Journal
from tests.integration.intaking import METRICS
from tests.integration.running import running
from tests.unit.journal_conformance import STREAM, entry, fact, key, record, withheld

RUBBISH = ["x'c1ff00'", "'no number'", "1e300", "-1", "x''", "CAST(x'ff' AS TEXT)", "x'80'"]
"""As SQLite takes it in any column but a number's own: blobs, texts, numbers, text that is no UTF-8."""
NAMES = ["a", "b", "c"]


async def filled(folder: Path) -> None:
    async with open_journal(folder) as journal:
        await journal.append(
            Append(
                [entry(name) for name in NAMES],
                [record(name) for name in NAMES],
                withheld=[withheld("d")],
                positions={STREAM.id: "7"},
                coverages={STREAM.id: "all"},
                settings={"touched/live": "{}"},
            )
        )
        await journal.save_facts([fact("e")], 1.0)


def damage(folder: Path, statement: str) -> None:
    with sqlite3.connect(folder / "journal.sqlite") as database:
        assert database.execute(statement).rowcount > 0


async def look(journal: Journal) -> tuple[set[str], set[str], list[str]]:
    """All that the daemon asks for: names of entries, of records, and what is withheld."""
    pending = {each.key.name for each in await journal.pending("live")}
    recorded = {each.key.name for each in await journal.some_records("live", None, 100_000)}
    recorded &= {each.name for _, each in await journal.keys(["live"], STREAM)}
    recorded |= {
        each.name for each in await journal.records("live", [key(name) for name in NAMES])
    } & recorded
    await journal.awaiting_author()
    await journal.load_facts()
    await journal.position(STREAM)
    await journal.backlog("live")
    await FactStore(journal, METRICS, Health(), 1.0).load(["default"])
    return pending, recorded, [f"{row.key.name} {row.reason}" for row in await journal.withheld()]


@pytest.mark.parametrize("rubbish", RUBBISH)
@pytest.mark.parametrize("column", ["appended_at", "body", "waiting"])
async def test_an_entry_that_cannot_be_read_is_withheld(tmp_path: Path, column: str, rubbish: str) -> None:
    """The others are handed out, and the next start compares the branch and all objects afresh."""
    await filled(tmp_path)
    damage(tmp_path, f"UPDATE entries SET {column}={rubbish} WHERE seq=2")

    async with open_journal(tmp_path) as journal:
        await journal.set_head("live", "1" * 40)
        pending, recorded, _ = await look(journal)
        assert {"a", "c"} <= pending
        assert recorded == {*NAMES}
        shown = (await look(journal))[2]
        assert ("b" in pending) is ("2 Bug" not in shown)
    async with open_journal(tmp_path) as journal:
        assert [row.key.name for row in await journal.withheld()] == ["d"]
        if "b" not in pending:
            assert await journal.head("live") == ""
            assert await journal.position(STREAM) == ("", "")
            assert {each.digest for each in await journal.some_records("live", None, 100_000)} == {b""}


@pytest.mark.parametrize("rubbish", RUBBISH)
@pytest.mark.parametrize(
    "column",
    ["cluster", '"group"', "resource", "namespace", "path", "digest", "content", "fingerprint", "sealed"],
)
async def test_a_record_that_cannot_be_read_is_withheld(tmp_path: Path, column: str, rubbish: str) -> None:
    """What is left of it equals no file, so that its object is written anew when it is listed."""
    await filled(tmp_path)
    damage(tmp_path, f"UPDATE records SET {column}={rubbish} WHERE name='b'")

    async with open_journal(tmp_path) as journal:
        pending, recorded, _ = await look(journal)
        assert pending == {*NAMES}
        assert {"a", "c"} <= recorded
        await look(journal)
        found = await journal.records("live", [key("b")])
        for each in found.values():
            assert each.content == record("b").content or (each.digest, each.content) == (b"", b"{}")


@pytest.mark.parametrize("rubbish", RUBBISH)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE withheld SET cluster={}",
        "UPDATE withheld SET reason={}",
        "UPDATE withheld SET message={}",
        "UPDATE withheld SET at={}",
        "UPDATE positions SET version={}",
        "UPDATE positions SET coverage={}",
        "UPDATE facts SET arrived_at={}",
        "UPDATE facts SET body={}",
        "UPDATE settings SET value={} WHERE name='id'",
        "UPDATE settings SET value={} WHERE name='touched/live'",
        "INSERT OR REPLACE INTO settings VALUES ('former', {})",
        "INSERT OR REPLACE INTO settings VALUES ('evidence', {})",
    ],
)
async def test_rubbish_elsewhere_holds_up_nothing(tmp_path: Path, statement: str, rubbish: str) -> None:
    """Whatever cannot be read is as if it were not there."""
    await filled(tmp_path)
    damage(tmp_path, statement.format(rubbish))

    for _ in range(2):
        async with open_journal(tmp_path) as journal:
            assert (await look(journal))[:2] == ({*NAMES}, {*NAMES})
            assert await journal.append(Append([entry("f", "other")]))


async def test_a_number_beyond_all_leaves_room_for_new_ones(tmp_path: Path) -> None:
    """SQLite gives no number after its highest, and says that the disk is full."""
    await filled(tmp_path)
    damage(tmp_path, f"UPDATE entries SET seq={2**63 - 1} WHERE seq=2")
    damage(tmp_path, f"UPDATE sqlite_sequence SET seq={2**63 - 1} WHERE name='entries'")

    async with open_journal(tmp_path) as journal:
        (added,) = await journal.append(Append([entry("f")]))
        assert 3 < added.seq < 2**53
        assert (await look(journal))[0] == {"a", "c", "f"}


async def test_a_daemon_starts_with_rubbish_in_its_journal_and_heals(tmp_path: Path) -> None:
    """Other objects land while rows are damaged, and after the next start every file is right again."""
    async with running(tmp_path) as world:
        for name in NAMES:
            await world.apply(name, "one")
        async with world.daemon():
            await world.until(lambda: all(world.file(name) for name in NAMES))
        with sqlite3.connect(world.journal) as database:
            database.execute("UPDATE records SET content=x'c1' WHERE name='a'")
            database.execute("UPDATE records SET digest='no digest' WHERE name='b'")
            for seq in range(3):
                values = (10_000 + seq, "live", 1.0, [b"\xc1", "text", 5][seq], 0)
                database.execute("INSERT INTO entries VALUES (?,?,?,?,?)", values)
        await world.apply("b", "two")

        async with world.daemon():
            await world.apply("d", "one")
            await world.until(lambda: "one" in world.file("d"))
            await world.apply("a", "two")
            await world.until(lambda: "two" in world.file("a"))
        async with world.daemon():
            await world.until(lambda: "two" in world.file("b") and "two" in world.file("a"))
            await world.apply("e", "one")
            await world.until(lambda: "one" in world.file("e"))

        assert "one" in world.file("c")
        async with open_journal(world.data) as journal:
            assert await journal.withheld() == []
            assert await journal.pending("live") == []
