"""What is held in memory has a bound in bytes."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import msgspec
import pytest
import trio
import trio.testing

from reverser.attribution.fact_index import BYTES_MOST as FACTS_BYTES_MOST
from reverser.attribution.fact_index import Facts
from reverser.kube import watch_events
from reverser.kube.discovery_trigger import DiscoveryTrigger, InFlightBytes
from reverser.kube.errors import Garbled
from reverser.model.change import Observation, Operation
from reverser.model.commit import CommitPlan
from reverser.model.entry import Edit, Entry
from reverser.replay import log_merge, order
from reverser.replay.log_merge import AuditLogs
from reverser.replay.resource_types import LoggedTypes
from reverser.writer.held_entries import BYTES_MOST, ENTRIES_MOST
from reverser.writer.window import Window
from tests.audit_log import event, lines
from tests.build import entry
from tests.integration.intaking import config_map, live
from tests.unit.journal_conformance import fact

TWO_HOURS = 7200.0
CHANGE = msgspec.structs.replace(live(1, config_map("a", "1")), size=300)


def large(seq: int, size: int, actor: str) -> Entry:
    made = entry(seq, f"n{seq}", actor=actor)
    return msgspec.structs.replace(made, edit=Edit(made.edit.path, bytes(size)))


def held(fed: list[Entry], plans: list[CommitPlan]) -> int:
    out = {each.seq for plan in plans for each in plan.entries}
    return sum(len(each.edit.content or b"") for each in fed if each.seq not in out)


def test_a_window_closes_before_it_holds_too_many_bytes() -> None:
    """4,000 changes of 100 kB by five people within two hours: never more than the bound is held."""
    window, fed, plans = Window(TWO_HOURS), list[Entry](), list[CommitPlan]()
    for seq in range(1, 4001):
        fed.append(large(seq, 100_000, f"user {seq % 5}"))
        window.feed(fed[-1:], 10.0)
        plans += window.ready(10.0)
        assert held(fed[-1000:], plans[-1000:]) < BYTES_MOST
    plans += window.flush()

    assert sorted(each.seq for plan in plans for each in plan.entries) == [*range(1, 4001)]
    assert len(plans) < 200


def test_a_window_closes_before_it_holds_too_many_entries() -> None:
    """A window closes at its number of entries, however small they are."""
    window = Window(TWO_HOURS)
    window.feed([large(seq, 1, "ann") for seq in range(1, ENTRIES_MOST + 6)], 10.0)

    assert [len(plan.entries) for plan in window.ready(10.0)] == [ENTRIES_MOST]
    assert [len(plan.entries) for plan in window.flush()] == [5]


def test_an_entry_that_is_larger_than_the_bound_is_a_commit_of_its_own() -> None:
    """Nothing is held back for it."""
    window = Window(TWO_HOURS)
    window.feed([large(1, BYTES_MOST + 1, "ann"), large(2, 1, "ann")], 10.0)

    assert [len(plan.entries) for plan in window.ready(10.0)] == [1]


def test_a_replay_holds_back_a_bounded_number_of_bytes(tmp_path: Path) -> None:
    """600 ConfigMaps of 300 kB within one second: what was read is handed out, and all in order."""
    log = tmp_path / "log"
    with log.open("wb") as file:
        for number in range(1, 601):
            told = event(1, "create", f"n{number}", auditID=f"id-{number}")
            told["responseObject"]["data"] = {"value": "x" * 300_000}
            told["responseObject"]["metadata"]["uid"] = f"u-{number}"
            told["requestObject"] = None
            file.write(json.dumps(told).encode() + b"\n")
    logs = AuditLogs([str(log)], LoggedTypes(), lambda _: True)
    names = list[str]()
    most = order.MOST_BYTES + log_merge.CHUNK_BYTES + 400_000
    while (batch := logs.next()) is not None:
        names += [write.name for write in batch.writes]
        assert logs.held_bytes <= most
        assert (
            sum(len(msgspec.json.encode(write)) for write in batch.writes) <= log_merge.BATCH_BYTES + 400_000
        )
    logs.close()

    assert names == [f"n{number}" for number in range(1, 601)]


def test_small_writes_are_held_back_as_before(tmp_path: Path) -> None:
    """Two writes of one object that stand in the wrong order are put right."""
    log = tmp_path / "log"
    later, earlier = event(2), event(1)
    log.write_bytes(lines(later, earlier, event(60)))
    logs = AuditLogs([str(log)], LoggedTypes(), lambda _: True)
    versions = list[int]()
    while (batch := logs.next()) is not None:
        versions += [write.version for write in batch.writes]
    logs.close()

    assert versions == [1, 2, 60]


def test_facts_of_large_collections_push_out_older_ones() -> None:
    """A fact about 100,000 deleted objects weighs as much as it takes."""
    facts = Facts()
    for number in range(30):
        uids = frozenset(f"{number}-{each}" for each in range(100_000))
        facts.add(
            fact(str(number), collection=True, operation=Operation.DELETE, uids=uids, uid=""), float(number)
        )

    assert 0 < len(facts) <= FACTS_BYTES_MOST // (100 * 100_000)
    assert facts.evicted == 30 - len(facts)


async def test_a_line_without_an_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stream begins again, and memory does not grow with what such a server sends."""
    monkeypatch.setattr(watch_events, "LINE_BYTES_MOST", 100)

    async def chunks() -> AsyncIterator[bytes]:
        yield b"x" * 60 + b"\n" + b"y" * 90
        while True:
            yield b"z" * 60

    async with aclosing(chunks()) as sent:
        lines = watch_events.LineReader(sent)
        assert await anext(lines) == b"x" * 60
        with pytest.raises(Garbled):
            await anext(lines)


async def test_observations_on_their_way_are_bounded_in_bytes(autojump_clock: trio.testing.MockClock) -> None:
    """Whoever brings more waits until some are journaled; a single one that is larger passes alone."""
    del autojump_clock
    room = InFlightBytes(1000)
    send, receive = trio.open_memory_channel[Observation](100)
    tap, most = DiscoveryTrigger(send, lambda: None, room), list[int]()

    async def bring() -> None:
        async with send:
            for number in range(50):
                await tap.send(msgspec.structs.replace(CHANGE, size=5000 if number == 20 else 300))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(bring)
        async for observation in receive:
            most.append(room.held)
            await trio.sleep(1)
            room.give(observation)

    assert len(most) == 50
    assert max(most) == 5000
    assert max(held for held in most if held != 5000) <= 1000
    assert room.held == 0


async def test_what_was_not_handed_on_takes_no_room() -> None:
    """A stream that ends while it waits leaves its room to others."""
    room = InFlightBytes(1000)
    send, receive = trio.open_memory_channel[Observation](0)
    with send, receive, trio.move_on_after(0):
        await DiscoveryTrigger(send, lambda: None, room).send(CHANGE)

    assert room.held == 0
