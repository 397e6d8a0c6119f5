"""What the next push carries, read from a real journal: also when much of it waits for its author."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import trio
import trio.testing

from reverser.journal.sqlite import open_journal
from reverser.model.attribution import Attribution
from reverser.model.change import Operation, Origin
from reverser.model.commit import CommitPlan
from reverser.model.entry import Append, Edit, Entry
from reverser.model.journal import Journal
from reverser.model.resource import ObjectKey
from reverser.writer import queue as module
from reverser.writer.queue import Queue
from tests.writing import context

BOUND_SECONDS = 10


def entry(name: str, *, waits: bool = False) -> Entry:
    key = ObjectKey("default", "", "configmaps", "shop", name)
    edit = Edit(f"{name}.yaml", bytes(10))
    made = Entry("live", key, "v1", "ConfigMap", Operation.UPDATE, Origin.LIVE, edit, 0.0)
    return msgspec.structs.replace(made, waits_until=9.0 if waits else 0.0)


def names(plans: list[CommitPlan]) -> list[str]:
    return [each.key.name for plan in plans for each in plan.entries]


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    async with open_journal(tmp_path) as opened:
        yield opened


async def test_memory_is_bounded_while_much_waits(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    """With too much that waits nothing more is read; what is settled makes room, and all comes in the end."""
    monkeypatch.setattr(module, "HELD_BYTES_MOST", 20)
    monkeypatch.setattr(module, "CHUNK", 2)
    queue = Queue(context(journal, clock=lambda: 0.0))
    entries = [entry("a", waits=True), entry("b", waits=True), entry("c")]
    first, second, _ = await journal.append(Append(entries=entries))
    got: list[str] = []

    async def read() -> None:
        while plans := await queue.next():
            got.extend(names(plans))

    with trio.fail_after(BOUND_SECONDS):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(read)
            await trio.testing.wait_all_tasks_blocked(0.05)
            assert got == []
            await journal.set_attributions({second.seq: Attribution()})
            while got != ["b", "c"]:
                await trio.sleep(0.01)
            queue.drain()
            await journal.set_attributions({first.seq: Attribution()})
    assert got == ["b", "c", "a"]


async def test_a_snapshot_is_one_plan_until_it_is_very_large(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read to its end; only what is larger than memory should hold, in bytes or in number, is cut."""
    monkeypatch.setattr(module, "CHUNK", 2)
    made = [msgspec.structs.replace(entry(f"n{number}"), origin=Origin.SNAPSHOT) for number in range(9)]
    await journal.append(Append(entries=made))

    async def sizes() -> list[int]:
        queue = Queue(context(journal, clock=lambda: 0.0))
        queue.drain()
        found = []
        while plans := await queue.next():
            found += [len(plan.entries) for plan in plans]
        return found

    assert await sizes() == [9]
    monkeypatch.setattr(module, "SNAPSHOT_BYTES_MOST", 35)
    assert await sizes() == [4, 4, 1]
    monkeypatch.setattr(module, "SNAPSHOT_BYTES_MOST", 1000)
    monkeypatch.setattr(module, "SNAPSHOT_ENTRIES_MOST", 5)
    assert await sizes() == [6, 3]
