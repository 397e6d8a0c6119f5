"""Changes that wait for audit: settled by its facts, or at the deadline; corrected by what comes later."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
import trio.testing

from reverser.app.daemon import Daemon
from reverser.attribution import corrections
from reverser.attribution.attributor import Attributor
from reverser.attribution.fact_index import Facts
from reverser.attribution.pending import MISSED_MOST, AuditSources, PendingEntries
from reverser.config import Cluster, Config
from reverser.config.listeners import Audit, Operations
from reverser.health import Health
from reverser.journal.retrying import RetryingJournal
from reverser.journal.schema import connect
from reverser.journal.sqlite import open_journal
from reverser.journal.store import Store
from reverser.metrics import Metrics
from reverser.model.attribution import Actor, Attribution, Evidence
from reverser.model.change import Operation, Origin
from reverser.model.destination import Destination
from reverser.model.entry import Append, Edit, Entry
from reverser.model.fact import FACT_SECONDS, Fact, Source
from reverser.model.journal import Journal
from reverser.model.observed_write import ObservedWrite
from reverser.model.resource import ObjectKey
from reverser.model.rule import Rule
from tests.integration.intaking import SEEN_AT, live

GRACE = 0.3
EDIT = Edit("shop/configmaps/a.yaml", b"x")
KEY = ObjectKey("default", "", "configmaps", "shop", "a")


class World:
    """A journal, an attributor on it, and facts that both know of."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.facts = Facts()
        patient = RetryingJournal(journal, Health(lambda _: None))
        self.attributor = Attributor(self.facts, journal.key, patient, Metrics(), trio.current_time, GRACE)
        self.attributor.audit_sources.mark_active(["default"])

    def told(self, who: str, **fields: object) -> None:
        """Audit tells of an update."""
        fact = self.fact(who, **fields)
        self.facts.add(fact, trio.current_time())
        self.attributor.fact_added(fact)

    @staticmethod
    def fact(who: str, **fields: object) -> Fact:
        """Audit's word on an update."""
        given = {"id": f"{who} {fields}", "version": "6", "at": trio.current_time(), "uid": "u1", **fields}
        return Fact(
            cluster="default",
            source=Source.AUDIT,
            group="",
            resource="configmaps",
            operation=fields.pop("operation", Operation.UPDATE),  # type: ignore[arg-type]
            actor=Actor(who),
            **{name: value for name, value in given.items() if name != "operation"},  # type: ignore[arg-type]
        )

    async def changed(self, *, waits: bool = True, **fields: object) -> Entry:
        """A change is journaled."""
        now = trio.current_time()
        given = {"operation": Operation.UPDATE, "version": "6", "seen_at": now, **fields}
        subject = ObservedWrite(key=KEY, kind="ConfigMap", uid="u1", **given)  # type: ignore[arg-type]
        edit = Edit("shop/configmaps/a.yaml", b"x")
        entry = Entry(
            "live", KEY, "v1", "ConfigMap", subject.operation, Origin.LIVE, edit, now, subject=subject
        )
        until = now + GRACE if waits else 0.0
        entries = await self.journal.append(
            Append(entries=[msgspec.structs.replace(entry, waits_until=until)])
        )
        self.attributor.journaled(entries)
        return entries[0]

    @staticmethod
    def asked(who: str, met: str) -> Fact:
        """Admission's word on an update."""
        return Fact(
            id=met, cluster="default", source=Source.ADMISSION, group="", resource="configmaps", uid="u1",
            operation=Operation.UPDATE, previous_version=met, actor=Actor(who), at=trio.current_time(),
        )  # fmt: skip

    async def attributed(self, version: int) -> Entry:
        """A change passes the attributor, and is journaled."""
        before, after = (
            {"metadata": {"uid": "u1", "name": "a", "resourceVersion": str(each)}}
            for each in (version - 1, version)
        )
        self.attributor.seen(live(version - 1, before))
        change = live(version, after)
        edit = Edit("shop/configmaps/a.yaml", b"x")
        entry = Entry("live", KEY, "v1", "ConfigMap", Operation.UPDATE, Origin.LIVE, edit, change.seen_at)
        append = Append(entries=[self.attributor.attributed(change, entry, self.attributor.digest(change))])
        (numbered,) = await self.journal.append(append)
        return numbered

    async def attribution(self, entry: Entry) -> Attribution:
        """What the journal says of an entry that waits no more."""
        with trio.fail_after(10):
            await self.journal.wait("live", after=10**9, waiting=[entry.seq])
        (settled,) = await self.journal.attributed_entries([entry.seq])
        return settled.attribution


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[World]:
    """A world that is running."""
    async with open_journal(folder) as journal, trio.open_nursery() as nursery:
        world = World(journal)
        nursery.start_soon(world.attributor.run)
        yield world
        nursery.cancel_scope.cancel()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with opened(tmp_path) as running:
        yield running


async def test_a_creation_is_settled_when_audit_tells(world: World) -> None:
    """An object is created once: the first word on it ends the wait."""
    entry = await world.changed(operation=Operation.CREATE)
    world.told("alice", operation=Operation.CREATE)

    found = await world.attribution(entry)
    assert (found.actor.name, found.evidence) == ("alice", Evidence.AUDIT)


async def test_at_the_deadline_what_is_known_decides(world: World) -> None:
    """With audit's word alone it has waited for rivals; without any word it is unresolved."""
    silent = await world.changed(version="5")
    entry = await world.changed()
    world.told("alice")

    assert (await world.attribution(entry)).actor.name == "alice"
    assert (await world.attribution(silent)).evidence is Evidence.UNRESOLVED


async def test_what_waits_goes_on_waiting_after_a_restart(tmp_path: Path) -> None:
    """A change that a killed process left waiting is settled by the next one."""
    async with open_journal(tmp_path) as journal:
        entry = await World(journal).changed()

    async with opened(tmp_path) as world:
        world.told("alice")
        assert (await world.attribution(entry)).actor.name == "alice"


async def test_a_restart_keeps_what_admission_told(tmp_path: Path) -> None:
    """A change that waited is still whose admission said it was; another name of audit's is a doubt."""
    async with open_journal(tmp_path) as journal:
        world = World(journal)
        world.facts.add(world.asked("alice", "5"), trio.current_time())
        world.facts.add(world.asked("alice", "6"), trio.current_time())
        entries = [await world.attributed(version) for version in (6, 7)]

    async with opened(tmp_path) as world:
        world.told("bob", version="7", at=SEEN_AT)
        first, second = [await world.attribution(entry) for entry in entries]
        assert (first.actor.name, first.evidence) == ("alice", Evidence.ADMISSION_KEY)
        assert (second.evidence, second.candidates) == (Evidence.AMBIGUOUS, ("alice", "bob"))
        world.told("bob", version="7", at=SEEN_AT, user_agent="again")
        with trio.move_on_after(GRACE):
            await world.attributor.correction_finder.corrections("live")
            pytest.fail("corrected by half of the facts")


async def test_over_a_restart_who_repeated_a_write_does_not_inherit_it(tmp_path: Path) -> None:
    """The writer's audit event is lost, another's came before the kill: what admission told remains."""
    async with open_journal(tmp_path) as journal:
        world = World(journal)
        world.facts.add(world.asked("alice", "5"), trio.current_time())
        world.facts.add(world.fact("bob", at=SEEN_AT), trio.current_time())
        entry = await world.attributed(6)

    async with opened(tmp_path) as world:
        world.told("bob", at=SEEN_AT)
        found = await world.attribution(entry)
        assert (found.evidence, found.candidates) == (Evidence.AMBIGUOUS, ("alice", "bob"))


async def test_what_waits_is_settled_also_when_nobody_listens_any_more(tmp_path: Path) -> None:
    """A change left waiting goes on, with its author, under a configuration without a webhook."""
    async with open_journal(tmp_path) as journal:
        world = World(journal)
        entry, other = await world.changed(), await world.changed(version="7")
        await journal.save_facts([world.fact("alice", at=entry.changed_at)], time.time())
    config = Config(
        data_dir=str(tmp_path),
        operations=Operations(bind="127.0.0.1:0"),
        clusters=(Cluster(kubeconfig=str(tmp_path / "none")),),
        destinations=(Destination(name="live", url=(tmp_path / "none.git").as_uri()),),
        rules=(Rule(name="everything", destination="live"),),
        audit=Audit(grace_seconds=GRACE),
    )
    daemon = Daemon(config, lambda: config)
    with trio.fail_after(20), closing(connect(tmp_path / "journal.sqlite")) as connection:
        async with trio.open_nursery() as nursery:
            await nursery.start(daemon.run)
            while len(found := Store(connection).attributed_entries([entry.seq, other.seq])) < 2:
                await trio.sleep(0.05)
            nursery.cancel_scope.cancel()

    assert [each.attribution.actor.name for each in found] == ["alice", "unknown"]


async def test_a_later_word_is_a_correction(world: World) -> None:
    """Who is told after the commit is known to whoever writes notes; the same word again is no news."""
    entry = await world.changed(waits=False)
    world.told("alice")
    world.told("alice", user_agent="again")

    with trio.fail_after(10):
        (correction,) = await world.attributor.correction_finder.corrections("live")
        assert (correction.seq, correction.key) == (entry.seq, KEY)
        assert correction.attribution.actor.name == "alice"
        world.told("bob", at=trio.current_time(), user_agent="rival")
        (correction,) = await world.attributor.correction_finder.corrections("live")
        assert correction.attribution.evidence is Evidence.AMBIGUOUS


async def test_a_word_that_comes_while_the_change_is_journaled_is_a_correction(world: World) -> None:
    """Between the decision and the journal's number nothing that is told is lost."""
    world.told("alice")
    entry = await world.changed(waits=False)

    with trio.fail_after(10):
        (correction,) = await world.attributor.correction_finder.corrections("live")
    assert (correction.seq, correction.attribution.actor.name) == (entry.seq, "alice")


async def test_a_change_of_long_ago_is_not_corrected(world: World) -> None:
    """What a full disk held up for minutes keeps its author: rivals of who is told now may be forgotten."""
    now = trio.current_time()
    await world.changed(waits=False, seen_at=now - FACT_SECONDS)
    entry = await world.changed(waits=False, version="7")
    world.told("bob", at=now - FACT_SECONDS)
    world.told("alice", version="7")

    with trio.fail_after(10):
        (correction,) = await world.attributor.correction_finder.corrections("live")
    assert correction.seq == entry.seq


async def test_a_collection_that_is_told_later_is_a_correction(world: World) -> None:
    """Who deleted many at once is known of each of them, whatever it went through."""
    gone = await world.changed(waits=False, operation=Operation.DELETE, version="7", removed=True)
    going = await world.changed(waits=False, operation=Operation.DELETE, version="8")
    everything = {"collection": True, "uid": "", "uids": frozenset({"u1"}), "version": ""}
    world.told("alice", operation=Operation.DELETE, **everything)

    with trio.fail_after(10):
        found = await world.attributor.correction_finder.corrections("live")
    assert [each.seq for each in found] == [gone.seq, going.seq]
    assert {each.attribution.evidence for each in found} == {Evidence.AUDIT_COLLECTION}


async def test_corrections_that_nobody_wants_take_no_room(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where notes are switched off only the newest corrections are held."""
    monkeypatch.setattr(corrections, "ENTRIES_MOST", 3)
    for version in range(6, 16):
        await world.changed(waits=False, version=str(version))
        world.told("alice", version=str(version))

    with trio.fail_after(10):
        found = await world.attributor.correction_finder.corrections("live")
    assert [each.seq for each in found] == [8, 9, 10]


class AwaitingEntries:
    """A journal that has been asked for what waits, and answers late."""

    def __init__(self, entries: list[Entry]) -> None:
        self.entries = entries
        self.settled: dict[int, Attribution] = {}

    async def awaiting_author(self) -> list[Entry]:
        return self.entries

    async def set_attributions(self, attributions: dict[int, Attribution]) -> None:
        self.settled |= attributions


async def test_what_waits_is_settled_once(world: World) -> None:
    """An entry that the journal tells of after the intake did is no second one."""
    entry = await world.changed(operation=Operation.CREATE)
    world.told("alice", operation=Operation.CREATE)
    told: list[int] = []
    journal: Any = AwaitingEntries([entry])
    pending = PendingEntries(world.facts, journal, trio.current_time, lambda each, _: told.append(each.seq))
    pending.add(entry)
    await pending.resume(GRACE)

    assert told == [entry.seq]


async def test_a_clock_that_is_set_back_holds_nothing_for_ever(world: World) -> None:
    """An entry whose deadline was seen is settled, whatever the clock says then."""
    entry = await world.changed()
    times = iter([0.0, entry.waits_until])
    journal: Any = AwaitingEntries([])
    pending = PendingEntries(world.facts, journal, lambda: next(times, 0.0), lambda *_: None)
    pending.add(entry)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pending.run)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()

    assert journal.settled.keys() == {entry.seq}


async def test_nobody_waits_for_an_audit_that_has_stopped() -> None:
    """After many waits in vain nothing waits; the next word, or one in between, begins anew."""
    sources = AuditSources()
    assert not sources.is_active("default")
    assert sources.mark_active(["default"]) == ["default"]
    for _ in range(MISSED_MOST - 1):
        sources.missed("default")
    assert sources.is_active("default")
    sources.missed("default")
    assert not sources.is_active("default")
    assert sources.mark_active(["default"]) == ["default"]
    assert sources.mark_active(["default"]) == []
