"""A disk that fills up in the middle of a transaction: all of it is undone, and none of it is a bug."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
import trio.testing

from reverser import unexpected_errors
from reverser.errors import TransientError
from reverser.journal.errors import translated
from reverser.journal.group_commit import GroupCommit
from reverser.journal.schema import connect, prepare
from reverser.journal.store import Store
from reverser.model.attribution import Attribution
from reverser.model.entry import Append
from tests.unit.journal_conformance import awaiting, entry, fact, record

BOUND_SECONDS = 30


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
