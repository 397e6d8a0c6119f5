"""The SQLite journal: the conformance suite, and what only a file on a disk can suffer: damage, no room."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
import trio.testing

from reverser import unexpected_errors
from reverser.attribution.audit_body import read_events
from reverser.errors import ConfigError, StalledError, TransientError
from reverser.journal.data_directory import lock
from reverser.journal.errors import translated
from reverser.journal.rows import entry_row
from reverser.journal.schema import TABLES, connect, prepare
from reverser.journal.sqlite import GroupCommit, keep_small, open_journal
from reverser.journal.store import Store
from reverser.model.attribution import Attribution
from reverser.model.entry import Append, Outcome, Staged
from reverser.model.journal import Journal, UnstorableError
from tests.audit_events import batch as audit_batch
from tests.audit_events import event
from tests.older_journal import BEFORE_FORMAT_7
from tests.unit.journal_conformance import *  # noqa: F403 - a backend's tests are all of these
from tests.unit.journal_conformance import (
    STREAM,
    Reopened,
    awaiting,
    entry,
    fact,
    key,
    pending,
    record,
    withheld,
)

ROOT = Path(__file__).parents[3]
BOUND_SECONDS = 30


@pytest.fixture
def reopened(tmp_path: Path) -> Reopened:
    """Opens the same journal again and again."""
    return lambda: open_journal(tmp_path)


@pytest.fixture
async def journal(reopened: Reopened) -> AsyncIterator[Journal]:
    """One opening of it."""
    async with reopened() as opened:
        yield opened


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB; only root may have one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=1m,mode=0755", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("no disk can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """A file that takes all that is left of a disk."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    return filler


APPENDING = """
import sys, trio
from pathlib import Path
from reverser.journal.sqlite import open_journal
from reverser.journal.store import Store
from reverser.model.entry import Append
from tests.unit.journal_conformance import STREAM, entry, record

async def append(journal, name):
    for number in range(10_000):
        made = [entry(f"{name}-{number}", content=bytes(2000)) for _ in range(3)]
        await journal.append(Append(made, [record(f"{name}-{number}")], positions={f"{name}": f"{number}"}))
        print(f"{name}-{number}", flush=True)

async def main():
    async with open_journal(Path(sys.argv[1])) as journal, trio.open_nursery() as nursery:
        for name in sys.argv[2:]:
            nursery.start_soon(append, journal, name)

trio.run(main)
"""


async def test_an_entry_wakes_its_destination_alone(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of hundreds that wait, only the one that something came for looks into the journal again."""
    looked: list[str] = []
    any_pending = Store.any_pending

    def counted(store: Store, destination: str, after: int) -> bool:
        looked.append(destination)
        return any_pending(store, destination, after)

    async with trio.open_nursery() as nursery:
        for number in range(50):
            nursery.start_soon(partial(journal.wait, f"d{number}"))
        await trio.testing.wait_all_tasks_blocked(0.05)
        monkeypatch.setattr(Store, "any_pending", counted)

        await journal.append(Append(entries=[entry("a", "d7"), entry("b", "d8")]))
        await trio.testing.wait_all_tasks_blocked(0.05)

        assert sorted(looked) == ["d7", "d8"]
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("lines", [1, 2, 7, 40, 150])
async def test_a_kill_loses_nothing_that_was_appended(tmp_path: Path, lines: int) -> None:
    """Killed at any moment: each append that had returned is there, each other one whole or not at all."""
    names = ("a", "b", "c")
    returned = _killed_after(lines, [sys.executable, "-c", APPENDING, str(tmp_path), *names])

    async with open_journal(tmp_path) as journal:
        stored = await pending(journal)
        recorded = {each.key.name for each in await journal.some_records("live", None, 100_000)}
        backlog = await journal.backlog("live")
    with sqlite3.connect(tmp_path / "journal.sqlite") as database:
        positions = dict(database.execute("SELECT stream, version FROM positions"))
    assert len(returned) >= lines
    assert set(returned) <= set(stored)
    assert backlog.entries == len(stored)
    assert {stored.count(name) for name in stored} == {3}
    assert recorded == set(stored)
    for name in names:
        numbers = [int(each.partition("-")[2]) for each in stored if each.startswith(f"{name}-")]
        assert numbers == sorted(numbers)
        assert int(positions.get(name, -1)) == (numbers[-1] if numbers else -1)


def _killed_after(lines: int, command: list[str]) -> list[str]:
    """All that a process wrote, which is killed while it writes."""
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        written = [process.stdout.readline().strip() for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        return written + process.stdout.read().split()


async def test_a_full_disk_stops_appends_until_there_is_room(disk: Path) -> None:
    """An append that finds no room says so and leaves nothing; reading goes on; with room all goes on."""
    async with open_journal(disk) as journal:
        filler = fill(disk)
        appended: list[str] = []
        with pytest.raises(TransientError) as caught:
            await _append_until_it_fails(journal, appended)
        assert "full" in str(caught.value)
        assert caught.value.hint == "free some space on the disk of data_dir"
        assert await pending(journal) == appended
        with pytest.raises(TransientError):
            await journal.append(Append([entry("lost", content=bytes(50_000))]))

        filler.unlink()
        await journal.append(Append([entry("more")], [record("more")], positions={STREAM.id: "more"}))
        assert await pending(journal) == [*appended, "more"]

    async with open_journal(disk) as journal:
        assert await pending(journal) == [*appended, "more"]
        assert await journal.position(STREAM) == ("more", "")


async def _append_until_it_fails(journal: Journal, appended: list[str]) -> None:
    for name in map(str, range(1000)):
        content = bytes(20_000)
        await journal.append(Append([entry(name, content=content)], positions={STREAM.id: name}))
        appended.append(name)


async def test_a_journal_that_cannot_grow_goes_on_afterwards(tmp_path: Path) -> None:
    """A limit on the size of files (a quota) is met like a full disk, whoever runs the process."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    async with open_journal(tmp_path) as journal:
        await journal.append(Append([entry("before")]))
        resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, hard))
        try:
            with pytest.raises(TransientError) as caught:
                await journal.append(Append([entry("big", content=bytes(2_000_000))]))
            read = await pending(journal)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

        assert caught.value.hint
        assert read == ["before"]
        await journal.append(Append([entry("big", content=bytes(2_000_000))]))
        assert await pending(journal) == ["before", "big"]


async def test_a_full_disk_at_the_start_is_told(disk: Path) -> None:
    """A data directory without any room left is told by a sentence, and used once there is room."""
    folder = disk / "data"
    filler = fill(disk)
    with pytest.raises((ConfigError, TransientError, StalledError)) as caught:
        await _used(folder)
    assert "No space left" in str(caught.value) or "full" in str(caught.value)

    filler.unlink()
    await _used(folder)


async def test_a_full_disk_does_not_keep_a_known_directory_from_being_locked(disk: Path) -> None:
    """Where there is no room for the number of the process that holds it, the lock holds all the same."""
    folder = disk / "data"
    await _used(folder)
    (folder / "lock").write_bytes(b"")
    fill(disk)
    with lock(folder), pytest.raises(StalledError, match="in use by process"), lock(folder):
        pytest.fail("held twice")


async def _used(folder: Path) -> None:
    with lock(folder):
        async with open_journal(folder) as journal:
            await journal.append(Append([entry("a")]))


def overwrite(start: int, end: int | None = None) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        content = bytearray(path.read_bytes())
        stop = len(content) if end is None else end
        content[start:stop] = b"\xff" * (stop - start)
        path.write_bytes(content)

    return damage


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def statement(text: str) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with sqlite3.connect(path) as database:
            database.execute(text)

    return damage


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(overwrite(0, 100), id="header"),
        pytest.param(overwrite(4096), id="pages"),
        pytest.param(truncate, id="truncated"),
        pytest.param(statement("DROP TABLE records"), id="table"),
    ],
)
async def test_a_damaged_journal_calls_for_a_person(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    """Nothing is guessed from a damaged file: the error says what to do, and tells of the rebuild."""
    names = [str(number) for number in range(200)]
    async with open_journal(tmp_path) as journal:
        await journal.append(Append([entry(name) for name in names], [record(name) for name in names]))
    damage(tmp_path / "journal.sqlite")

    with pytest.raises(StalledError) as caught:
        await _read(tmp_path, names)
    assert caught.value.reason == "JournalDamaged"
    assert "move journal.sqlite* away" in caught.value.hint


async def _read(folder: Path, names: list[str]) -> None:
    async with open_journal(folder) as journal:
        await journal.records("live", [key(name) for name in names])
        await journal.pending("live")


async def test_a_journal_of_an_older_version_is_taken_over(tmp_path: Path) -> None:
    """What an earlier version left is there, and what it lacked is added."""
    database = sqlite3.connect(tmp_path / "journal.sqlite")
    database.executescript(f"{TABLES} PRAGMA user_version=1;")
    row = entry_row(entry("a"), 5.0)[:3]
    database.execute("INSERT INTO entries (destination, appended_at, body) VALUES (?,?,?)", row)
    database.commit()
    database.close()

    async with open_journal(tmp_path) as journal:
        assert await pending(journal) == ["a"]
        assert await journal.awaiting_author() == []
        assert await journal.load_facts() == []


async def test_records_of_an_older_version_are_kept(tmp_path: Path) -> None:
    """A journal from before encrypted files is opened, and knows what it knew."""
    async with open_journal(tmp_path) as journal:
        await journal.append(Append([entry("a")], [record("a")]))
    for text in (
        *BEFORE_FORMAT_7.split(";"),
        "ALTER TABLE records DROP COLUMN fingerprint",
        "ALTER TABLE records DROP COLUMN sealed",
        "ALTER TABLE records DROP COLUMN mark",
        "ALTER TABLE records DROP COLUMN selectors",
        "ALTER TABLE records DROP COLUMN latest",
        "PRAGMA user_version=2",
    ):
        statement(text)(tmp_path / "journal.sqlite")

    async with open_journal(tmp_path) as journal:
        assert await journal.records("live", [key("a")]) == {key("a"): record("a")}
        assert [each.key.name for each in await journal.pending("live")] == ["a"]


@pytest.mark.parametrize("older", [False, True])
async def test_the_file_gives_space_back(tmp_path: Path, older: bool) -> None:
    """Once a large snapshot is acknowledged the file is as large as its records, whoever made it."""
    path = tmp_path / "journal.sqlite"
    if older:
        with closing(sqlite3.connect(path)) as database:
            database.executescript(f"{TABLES} PRAGMA user_version=1;")
    async with open_journal(tmp_path) as journal:
        for number in range(16):
            names = [f"{number}-{each}" for each in range(250)]
            outcomes = [Outcome("live", key(name), entry(name, content=bytes(4000)), None) for name in names]
            await journal.stage("list", Staged(outcomes=tuple(outcomes)))
        await journal.append(Append(listing="list"))
        filled = path.stat().st_size
        assert filled > 16_000_000
        await journal.ack("live", range(1, 4001), "head")

        assert path.stat().st_size < filled / 2
    assert path.stat().st_size < 8_000_000


async def test_the_next_process_gives_space_back_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that ended before all the room was given back leaves the rest to the next one."""
    path = tmp_path / "journal.sqlite"
    async with open_journal(tmp_path) as journal:
        outcomes = [
            Outcome("live", key(f"{each}"), entry(f"{each}", content=bytes(4000)), None)
            for each in range(4000)
        ]
        await journal.stage("list", Staged(outcomes=tuple(outcomes)))
        await journal.append(Append(listing="list"))
        monkeypatch.setattr(Store, "shrink", lambda _: False)
        await journal.ack("live", range(1, 4001), "head")
    monkeypatch.undo()
    assert path.stat().st_size > 16_000_000

    async with open_journal(tmp_path) as journal, trio.open_nursery() as nursery:
        nursery.start_soon(keep_small, journal)
        with trio.fail_after(30):
            while path.stat().st_size > 8_000_000:
                await trio.sleep(0.01)
        nursery.cancel_scope.cancel()


async def test_half_a_list_is_in_no_folder(tmp_path: Path) -> None:
    """What an unfinished list has brought is in no file that another process or the next one could see."""
    async with open_journal(tmp_path) as journal:
        before = _files(tmp_path).keys()
        content = b"a value of the list"
        outcome = Outcome("live", key("a"), entry("a", content=content), record("a"))
        await journal.stage("list", Staged(outcomes=(outcome,)))

        after = _files(tmp_path)
    assert after.keys() == before
    assert not any(content in each for each in after.values())


def _files(folder: Path) -> dict[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


async def test_a_full_disk_puts_nothing_of_a_list_aside(tmp_path: Path) -> None:
    """What did not fit is staged again once there is room, and once only."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    staged = [Outcome("live", key(name), entry(name, content=bytes(9000)), record(name)) for name in "ab"]
    async with open_journal(tmp_path) as journal:
        await journal.stage("list", Staged(outcomes=(staged[0],)))
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
        try:
            with pytest.raises(TransientError) as caught:
                await journal.stage("list", Staged(outcomes=(staged[1],)))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        await journal.stage("list", Staged(outcomes=(staged[1],)))
        await journal.append(Append(listing="list"))

        assert caught.value.hint
        assert await pending(journal) == ["a", "b"]


async def test_a_journal_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    """It is left as it is, with a word on what would help."""
    async with open_journal(tmp_path) as journal:
        await journal.append(Append([entry("a")]))
    statement("PRAGMA user_version=99")(tmp_path / "journal.sqlite")
    before = (tmp_path / "journal.sqlite").read_bytes()

    with pytest.raises(StalledError, match=r"another version.*99") as caught:
        async with open_journal(tmp_path):
            pytest.fail("opened")
    assert caught.value.reason == "JournalVersion"
    assert "newer reverser" in caught.value.hint
    assert (tmp_path / "journal.sqlite").read_bytes() == before


async def test_an_error_of_its_user_is_not_taken_for_damage(tmp_path: Path) -> None:
    """What goes wrong elsewhere while the journal is open stays what it is."""
    for error in (msgspec.DecodeError("elsewhere"), sqlite3.OperationalError("elsewhere")):
        with pytest.raises(type(error), match="elsewhere"):
            async with open_journal(tmp_path):
                raise error


async def test_a_bug_is_not_taken_for_damage(journal: Journal) -> None:
    """A row that breaks a rule of the tables is our fault, not the disk's: the error names its object."""
    nameless = msgspec.structs.replace(withheld("a"), message=None)

    with pytest.raises(UnstorableError) as caught:
        await journal.append(Append(entries=[entry("b")], withheld=[nameless]))

    assert [*caught.value.reasons] == [("live", key("a"))]
    assert await pending(journal) == []


HOLDING = """
import sys
from pathlib import Path
from reverser.journal.data_directory import lock
from reverser.journal.rows import entry_row
from reverser.journal.schema import TABLES
with lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_data_directory_has_one_process(tmp_path: Path) -> None:
    """A second process is told which one holds it, and may have it as soon as that one was killed."""
    command = [sys.executable, "-c", HOLDING, str(tmp_path)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(StalledError) as caught, lock(tmp_path):
            pytest.fail("held twice")
        holder.kill()

    assert caught.value.reason == "DataDirectoryInUse"
    assert f"in use by process {holder.pid}" in caught.value.message
    assert caught.value.hint
    with lock(tmp_path):
        assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


@pytest.fixture
def read_only(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Path]:
    """A folder, and how to make it read-only: for root that takes a disk."""
    if os.geteuid() == 0:
        folder: Path = request.getfixturevalue("disk")
        return lambda: _remounted(folder)
    return lambda: _without_permission(tmp_path)


def _remounted(folder: Path) -> Path:
    subprocess.run(["mount", "-o", "remount,ro", str(folder)], check=True)
    return folder


def _without_permission(folder: Path) -> Path:
    for each in (folder, *folder.iterdir()):
        each.chmod(0o500 if each.is_dir() else 0o400)
    return folder


def test_a_read_only_data_directory_is_a_mistake_of_the_configuration(
    read_only: Callable[[], Path],
) -> None:
    """It is told as such, by the key that names it."""
    folder = read_only()

    with pytest.raises(ConfigError) as caught, lock(folder):
        pytest.fail("locked")
    (problem,) = caught.value.problems
    assert problem.path == "data_dir"
    assert str(folder) in problem.message
    assert problem.hint


async def test_a_read_only_journal_is_told(tmp_path: Path, read_only: Callable[[], Path]) -> None:
    """A journal that can be read but not written is not taken for a working one."""
    folder = tmp_path / "disk" if (tmp_path / "disk").exists() else tmp_path
    async with open_journal(folder) as journal:
        await journal.append(Append([entry("a")]))
    read_only()

    with pytest.raises((TransientError, StalledError)) as caught:
        async with open_journal(folder) as journal:
            await journal.append(Append([entry("b")]))
    assert "data_dir" in caught.value.hint


async def test_what_is_kept_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Nobody else may read the database or the key, and the key is not in the database."""
    folder = tmp_path / "data"
    with lock(folder):
        async with open_journal(folder) as journal:
            await journal.append(Append([entry("a")]))
            files = {each.name: each.stat().st_mode & 0o077 for each in folder.iterdir()}
            stored = b"".join(each.read_bytes() for each in folder.glob("journal.sqlite*"))
            assert journal.key not in stored

    assert {"journal.sqlite", "journal.sqlite-wal", "key", "lock"} <= files.keys()
    assert set(files.values()) == {0}
    assert folder.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", [b"", b"short", bytes(33)])
async def test_a_key_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    """A key that was cut off would make digests that anybody could compute: it is not used."""
    (tmp_path / "key").write_bytes(content)

    with pytest.raises(StalledError) as caught:
        async with open_journal(tmp_path):
            pytest.fail("opened")
    assert caught.value.reason == "KeyUnusable"
    assert caught.value.hint


async def test_writing_goes_on_while_somebody_reads(journal: Journal) -> None:
    """Reads and appends at the same time wait for each other in no way that ends in an error."""
    with trio.fail_after(BOUND_SECONDS):
        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(journal.append, Append([entry(str(number), content=bytes(10_000))]))
                nursery.start_soon(pending, journal)
                nursery.start_soon(journal.backlog, "live")

    assert len(await pending(journal)) == 20


async def test_ids_are_known_by_the_key(reopened: Reopened, tmp_path: Path) -> None:
    """A journal from a backup knows what was written after it, and nothing of other data directories."""
    async with reopened() as journal:
        ours = journal.id
    (tmp_path / "journal.sqlite").unlink()
    async with reopened() as journal:
        assert journal.knows(ours)
        assert not journal.issued(ours, 1)
        assert not journal.knows("6f1c0f9a2b7d")
        assert not journal.knows("6f1c0f9a2b7d00000000")


async def test_a_journal_of_format_3_goes_on(tmp_path: Path) -> None:
    """What an earlier release left behind is all there, and every stream lists again."""
    shutil.copy(Path(__file__).parent / "journals/format-3.sqlite", tmp_path / "journal.sqlite")
    async with open_journal(tmp_path) as journal:
        pending = await journal.pending("live")
        keys = [each.key for each in await journal.some_records("live", None, 100_000)]
        records = {each.name: record for each, record in (await journal.records("live", keys)).items()}

        assert [(each.seq, each.edit.path) for each in pending] == [
            (1, "shop/configmaps/a.yaml"),
            (2, "shop/configmaps/a.yaml"),
        ]
        assert records["a"].digest == b"digest"
        assert records["s"].sealed is not None
        assert {(each.mark, each.selectors) for each in records.values()} == {("", ())}
        assert [each.key.name for each in await journal.withheld()] == ["w"]
        assert await journal.head("live") == ("c0ffee" * 6) + "c0ff"
        assert all(coverage == "" for _, coverage in _positions(tmp_path))
        assert all(journal.knows(each) for each in ("eb552d853db0", "a68535d40365"))
        assert journal.issued("eb552d853db0", 2)


async def test_a_journal_of_format_4_goes_on(tmp_path: Path) -> None:
    """Its facts are there once, also when their events are told again, and hide no other with their ids."""
    shutil.copy(Path(__file__).parent / "journals/format-4.sqlite", tmp_path / "journal.sqlite")
    with closing(sqlite3.connect(tmp_path / "journal.sqlite")) as database, database:
        rubbish = "INSERT INTO evidence (cluster, id, arrived_at, body) VALUES ('default', '9/x', 1000, ?)"
        database.execute(rubbish, (b"\xc1",))
    again = read_events(audit_batch(event(auditID="1"), event(auditID="2", requestURI="/x")), "default")
    other = read_events(audit_batch(event(auditID="1", user={"username": "mallory"})), "default")

    async with open_journal(tmp_path) as journal:
        assert [fact.actor.name for _, fact in await journal.load_facts()] == ["alice", "alice"]
        await journal.save_facts([*again.facts, *other.facts], 1000.0)
        assert [fact.actor.name for _, fact in await journal.load_facts()] == ["alice", "alice", "mallory"]


def _positions(folder: Path) -> list[tuple[str, str]]:
    with closing(sqlite3.connect(folder / "journal.sqlite")) as database:
        found: list[tuple[str, str]] = database.execute("SELECT version, coverage FROM positions").fetchall()
    assert found
    return found


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(connect(tmp_path / "journal.sqlite")) as made:
        prepare(made)
        yield made


def room(connection: sqlite3.Connection, pages: int) -> None:
    """Let the journal grow by so many pages of 4 KiB."""
    (used,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count={used + pages}")


def names(store: Store) -> list[str]:
    return [each.key.name for each in store.pending("live")]


async def grouped(commits: GroupCommit, *calls: Callable[[Store], Any]) -> list[Exception | None]:
    """What writes that become durable together, in this order, have raised."""
    held, raised = threading.Event(), dict[int, Exception | None]()

    async def write(number: int, call: Callable[[Store], Any]) -> None:
        raised[number] = None
        try:
            with translated():
                await commits.write(call)
        except Exception as error:
            raised[number] = error

    with trio.fail_after(BOUND_SECONDS):
        async with trio.open_nursery() as nursery:
            for number, call in enumerate((lambda _store: held.wait(BOUND_SECONDS), *calls)):
                nursery.start_soon(write, number, call)
                await trio.testing.wait_all_tasks_blocked()
            held.set()
    return [raised[number + 1] for number in range(len(calls))]


async def test_facts_that_fill_the_disk_double_nothing_beside_them(connection: sqlite3.Connection) -> None:
    """Entries appended beside them are there once, and whoever keeps the facts is told to try again."""
    store = Store(connection)
    room(connection, 1)
    facts = [fact(str(number)) for number in range(200)]
    batch = Append([entry(name) for name in "abc"], positions={"s": "7"})

    kept, appended = await grouped(
        GroupCommit(store), lambda store: store.save_facts(facts, 1.0), lambda store: store.append(batch)
    )

    assert isinstance(kept, TransientError)
    assert store.load_facts() == []
    assert appended is None
    assert names(store) == ["a", "b", "c"]


async def test_attributions_that_fill_the_disk_are_not_lost(connection: sqlite3.Connection) -> None:
    """Entries whose author could not be stored wait for it still."""
    store = Store(connection)
    with store.transaction():
        made = store.append(Append([awaiting(str(number)) for number in range(40)]))
    settled = {each.seq: Attribution(user_agent="x" * 9000) for each in made}
    room(connection, 1)

    (error,) = await grouped(GroupCommit(store), lambda store: store.set_attributions(settled))

    assert isinstance(error, TransientError)
    assert len(store.awaiting_author()) == 40


async def test_a_write_that_hides_a_rollback_takes_nothing_along(connection: sqlite3.Connection) -> None:
    """Whatever swallows an error: what comes after it in its group is stored once, or its caller told."""
    store = Store(connection)

    def hiding(store: Store) -> None:
        store._db.execute("ROLLBACK")

    hidden, appended = await grouped(
        GroupCommit(store), hiding, lambda store: store.append(Append([entry("a")]))
    )

    assert isinstance(hidden, TransientError)
    assert appended is None
    assert names(store) == ["a"]


def test_a_full_disk_withholds_no_object(connection: sqlite3.Connection) -> None:
    """While a row that cannot be stored is looked for, a disk that fills up is told as what it is."""
    store = Store(connection)
    bad = msgspec.structs.replace(record("bad"), path={"no": "path"})
    room(connection, 7)
    before = unexpected_errors.counts["journal"]

    with pytest.raises(sqlite3.OperationalError, match="full"), store.transaction():
        store.append(Append([entry("a", content=bytes(range(256)) * 60)], [bad]))

    assert unexpected_errors.counts["journal"] == before
    assert names(store) == []


def test_a_read_error_forgets_no_earlier_start(connection: sqlite3.Connection) -> None:
    """Ids of earlier starts are dropped when they are rubbish, not when the disk fails to give them."""

    class Failing(Store):
        def get_setting(self, name: str) -> str:
            if name == "former":
                raise sqlite3.OperationalError("disk I/O error")
            return super().get_setting(name)

    with pytest.raises(sqlite3.OperationalError), Failing(connection).transaction():
        Failing(connection).new_id(bytes(32), 0)

    assert Store(connection).get_setting("former") == ""
