"""Lists: only a complete one says anything, and only of exactly its type and scope."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
import trio.testing

from reverser.intake.batches import BATCH
from reverser.journal.sqlite import open_journal
from reverser.model.change import (
    Barrier,
    ListCompleted,
    ListStarted,
    Observation,
    Progress,
    Stream,
    Unwanted,
)
from reverser.model.destination import Destination
from reverser.model.entry import Append
from reverser.model.journal import Journal
from reverser.model.resource import ResourceType
from reverser.model.rule import Rule
from tests.integration.intaking import (
    EVERYTHING,
    LIVE,
    MAPS,
    SEEN_AT,
    STREAM,
    Taking,
    config_map,
    entries,
    listed,
    live,
    paths,
    said,
    take,
    tree,
    whole,
)

SERVICES = ResourceType("", "v1", "services", "Service", True)
OTHER_MAPS = ResourceType("example.com", "v1", "configmaps", "ConfigMap", True)
DEPLOYMENTS = ResourceType("apps", "v1", "deployments", "Deployment", True, subresources=("status",))
AUTOSCALERS = ResourceType(
    "autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", True, subresources=("status",)
)
A, B, C = (config_map(name, "1") for name in "abc")


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    """A real one."""
    async with open_journal(tmp_path) as opened:
        yield opened


async def test_a_complete_list_is_a_snapshot(journal: Journal) -> None:
    """Every object becomes an entry, in the list's order, and the stream's position and coverage are kept."""
    await take(journal, whole(7, B, A))

    assert await said(journal) == [
        "snapshot CREATE shop/configmaps/b.yaml",
        "snapshot CREATE shop/configmaps/a.yaml",
    ]
    assert await journal.position(STREAM) == ("7", f"all of {STREAM.id}")


async def test_a_half_list_leaves_nothing(journal: Journal) -> None:
    """What an unfinished list brought is not written, and what it had not brought yet is not removed."""
    await take(journal, whole(7, A, B))
    before = await entries(journal)

    await take(journal, [ListStarted(STREAM), listed(config_map("a", "2")), listed(C)])

    assert await entries(journal) == before
    assert await paths(journal) == {"shop/configmaps/a.yaml", "shop/configmaps/b.yaml"}
    assert await journal.position(STREAM) == ("7", f"all of {STREAM.id}")


async def test_a_list_that_starts_again_forgets_its_first_half(journal: Journal) -> None:
    """Only what came since the last start is in the list that ends."""
    await take(journal, whole(7, A))

    await take(journal, [ListStarted(STREAM), listed(A), listed(B), *whole(9, C)])

    assert (await said(journal))[1:] == [
        "snapshot CREATE shop/configmaps/c.yaml",
        "sweep DELETE shop/configmaps/a.yaml",
    ]
    assert await paths(journal) == {"shop/configmaps/c.yaml"}


MANY = [listed(config_map(f"m{number}", "1")) for number in range(BATCH)]


async def test_what_an_earlier_intake_staged_is_discarded(journal: Journal) -> None:
    """An intake that begins on a journal in use forgets the lists that the one before left unfinished."""
    await take(journal, [ListStarted(STREAM), *MANY])

    await take(journal, [live(8, A)])

    assert await staged(journal) == ["live CREATE shop/configmaps/a.yaml"]


async def test_a_list_of_a_type_that_goes_is_discarded(journal: Journal) -> None:
    """Nothing of it is left aside, and when the type comes back, its changes are written at once."""
    await take(journal, [ListStarted(STREAM), *MANY, Unwanted(STREAM), live(8, A)])

    assert await said(journal) == ["live CREATE shop/configmaps/a.yaml"]
    assert await staged(journal) == ["live CREATE shop/configmaps/a.yaml"]


async def staged(journal: Journal) -> list[str]:
    """What would be written if the list were complete."""
    await journal.append(Append(listing=STREAM.id))
    return await said(journal)


async def test_changes_wait_for_no_list_that_brings_nothing(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A list that was refused, and is begun again and again, holds up no change of another type."""
    turns, checkpoint = list[int](), trio.lowlevel.checkpoint

    async def counted() -> None:
        turns.append(1)
        await checkpoint()

    send, receive = trio.open_memory_channel[Observation](0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(Taking(journal).intake.run, receive)
        async with send:
            await send.send(ListStarted(Stream("default", SERVICES)))
            await send.send(live(1, A))
            await trio.testing.wait_all_tasks_blocked()
            monkeypatch.setattr("trio.lowlevel.checkpoint", counted)
            for version in range(2, 12):
                await send.send(live(version, config_map("a", str(version))))

    assert len(turns) <= 10
    assert len(await entries(journal)) == 11


async def test_a_list_of_what_is_known_changes_nothing(journal: Journal) -> None:
    """A restart with nothing changed moves the position, and that is all."""
    await take(journal, whole(7, A, B))
    await take(journal, whole(12, B, A))

    assert len(await entries(journal)) == 2
    assert (await journal.position(STREAM))[0] == "12"


async def test_an_empty_list_sweeps_all_of_its_scope(journal: Journal) -> None:
    """A complete list that brings nothing says that nothing is there."""
    await take(journal, whole(7, A, B))
    await take(journal, whole(8))

    assert await paths(journal) == set()


async def test_a_sweep_is_of_exactly_one_type_and_scope(journal: Journal) -> None:
    """Other namespaces, types, groups and clusters than the list's own are not concerned."""
    rules = [
        Rule("one", "live", default_excludes=False),
        Rule("two", "other", cluster="second", default_excludes=False),
    ]
    destinations = [LIVE, Destination("other", "file:///other")]
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s", "namespace": "shop"}}
    elsewhere = config_map("a", "1", namespace="bank")
    given = [
        *whole(1, A, B, elsewhere),
        *whole(1, service, stream=Stream("default", SERVICES)),
        *whole(1, A, stream=Stream("default", OTHER_MAPS)),
        *whole(1, A, stream=Stream("second", MAPS)),
    ]
    await take(journal, given, rules=rules, destinations=destinations)

    shop_only = whole(2, B, stream=Stream("default", MAPS, "shop"))
    await take(journal, shop_only, rules=rules, destinations=destinations)

    assert (await said(journal))[-1] == "sweep DELETE shop/configmaps/a.yaml"
    assert await paths(journal) == {
        "shop/configmaps/b.yaml",
        "bank/configmaps/a.yaml",
        "shop/services/s.yaml",
        "shop/configmaps.example.com/a.yaml",
    }
    assert await paths(journal, "other") == {"shop/configmaps/a.yaml"}


async def test_every_destination_sweeps_its_own(journal: Journal) -> None:
    """What is gone goes from each destination that has a file of it."""
    rules = [EVERYTHING, Rule("gold", "other", selector="tier=gold")]
    destinations = [LIVE, Destination("other", "file:///other", path="o")]
    gold = config_map("g", "1", labels={"tier": "gold"})
    await take(journal, whole(1, A, gold), rules=rules, destinations=destinations)
    await take(journal, whole(2), rules=rules, destinations=destinations)

    assert (await said(journal))[2:] == [
        "sweep DELETE shop/configmaps/a.yaml",
        "sweep DELETE shop/configmaps/g.yaml",
    ]
    assert (await said(journal, "other"))[1:] == ["sweep DELETE o/shop/configmaps/g.yaml"]


async def test_an_object_that_goes_while_it_is_listed_is_gone(journal: Journal) -> None:
    """A list that brings an object and then its end neither writes it nor keeps its file."""
    await take(journal, whole(1, A))

    await take(
        journal,
        [
            ListStarted(STREAM),
            *(listed(each) for each in (A, B, C)),
            listed(A, deleted=True),
            listed(B, deleted=True),
            ListCompleted(STREAM, "5", SEEN_AT),
        ],
    )

    assert await paths(journal) == {"shop/configmaps/c.yaml"}
    assert (await said(journal))[-1] == "sweep DELETE shop/configmaps/a.yaml"


async def test_the_last_state_of_a_list_counts(journal: Journal) -> None:
    """An object that changes while it is listed makes one entry; one that changes back makes none."""
    await take(journal, whole(1, A))
    changing = [listed(config_map("a", "2")), listed(A), listed(B), listed(config_map("b", "2"))]
    await take(journal, [ListStarted(STREAM), *changing, ListCompleted(STREAM, "5", SEEN_AT)])

    assert len(await entries(journal)) == 2
    assert b'value: "2"' in (await tree(journal))["shop/configmaps/b.yaml"]
    assert b'value: "1"' in (await tree(journal))["shop/configmaps/a.yaml"]


async def test_the_last_state_of_a_long_list_counts(journal: Journal) -> None:
    """Also of objects that were put aside long before: one changes, one goes, one comes back."""
    await take(journal, whole(1, A))
    many = [listed(config_map(f"m{number:04}", "1")) for number in range(3 * BATCH)]
    later = [
        listed(config_map("m0000", "2")),
        listed(config_map("m0001", "1"), deleted=True),
        listed(config_map("m0002", "1"), deleted=True),
        *(listed(config_map(f"n{number:04}", "1")) for number in range(BATCH)),
        listed(config_map("m0002", "3")),
    ]
    await take(journal, [ListStarted(STREAM), *many, *later, ListCompleted(STREAM, "5", SEEN_AT)])

    written = await entries(journal)
    files = await tree(journal)
    assert len(await paths(journal)) == len(files) == 4 * BATCH - 1
    assert len(written) == 1 + 4 * BATCH - 1 + 1
    assert b'value: "2"' in files["shop/configmaps/m0000.yaml"]
    assert "shop/configmaps/m0001.yaml" not in files
    assert b'value: "3"' in files["shop/configmaps/m0002.yaml"]
    assert (await said(journal))[-1] == "sweep DELETE shop/configmaps/a.yaml"


async def test_memory_does_not_grow_with_the_list(journal: Journal) -> None:
    """A list of 4 MB leaves a small part of it in memory while it runs, and nothing in the journal."""
    taking = Taking(journal, [EVERYTHING], [LIVE])
    send, receive = trio.open_memory_channel[Observation](0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(taking.intake.run, receive)
        async with send:
            await send.send(ListStarted(STREAM))
            await send.send(listed(A))
            tracemalloc.start()
            for number in range(1000):
                await send.send(listed(config_map(f"m{number:04}", f"{number:04}" * 1000)))
            current, _ = tracemalloc.get_traced_memory()
            tracemalloc.stop()

    assert current < 1_500_000
    assert await entries(journal) == []


async def test_live_events_come_after_the_list(journal: Journal) -> None:
    """What follows the end of a list is decided with the list's records, though both were waiting."""
    await take(journal, [*whole(5, A, B), live(6, config_map("a", "2")), live(7, B, deleted=True)])

    assert await said(journal) == [
        "snapshot CREATE shop/configmaps/a.yaml",
        "snapshot CREATE shop/configmaps/b.yaml",
        "live UPDATE shop/configmaps/a.yaml",
        "live DELETE shop/configmaps/b.yaml",
    ]


async def test_a_live_event_amid_a_list_waits_for_its_end(journal: Journal) -> None:
    """It is not written before the list is complete, and is the object's state then."""
    amid: list[Observation] = [
        ListStarted(STREAM),
        listed(A),
        listed(B),
        live(6, config_map("a", "2")),
        live(7, B, deleted=True),
    ]
    await take(journal, amid)
    assert await entries(journal) == []

    await take(journal, [*amid, ListCompleted(STREAM, "7", SEEN_AT)])
    assert await paths(journal) == {"shop/configmaps/a.yaml"}
    assert b'value: "2"' in (await tree(journal))["shop/configmaps/a.yaml"]


async def test_no_position_is_kept_before_the_list_is_complete(journal: Journal) -> None:
    """Neither an event nor a bookmark makes a stream resume behind a list that was cut off."""
    await take(
        journal,
        [ListStarted(STREAM), listed(A), live(6, B), Progress(STREAM, "8"), live(9, A, deleted=True)],
    )

    assert await journal.position(STREAM) == ("", "")
    assert await entries(journal) == []


async def test_a_bookmark_moves_the_position(journal: Journal) -> None:
    """A bookmark moves the position of its stream, and changes nothing else."""
    await take(journal, [*whole(5, A), Progress(STREAM, "8")])

    assert (await journal.position(STREAM))[0] == "8"
    assert len(await entries(journal)) == 1


async def test_lists_of_two_streams_do_not_mix(journal: Journal) -> None:
    """Each stream's list ends by itself; what the other one brought so far waits for its own end."""
    bank = Stream("default", MAPS, "bank")
    shop = Stream("default", MAPS, "shop")
    there = config_map("x", "1", namespace="bank")
    await take(
        journal,
        [
            ListStarted(shop),
            ListStarted(bank),
            listed(A, stream=shop),
            listed(there, stream=bank),
            ListCompleted(bank, "5", SEEN_AT),
        ],
    )

    assert await paths(journal) == {"bank/configmaps/x.yaml"}
    assert await journal.position(shop) == ("", "")


async def test_who_sends_a_barrier_learns_when_all_before_it_is_journaled(journal: Journal) -> None:
    """Whoever waits for it finds the entries of everything before the mark."""
    taking = Taking(journal, [EVERYTHING], [LIVE])
    found: list[str] = []
    passed = trio.Event()

    async def wait() -> None:
        await passed.wait()
        found.extend(await said(journal))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.testing.wait_all_tasks_blocked()
        await taking.all([*whole(5, A), live(6, B), Barrier(passed.set), live(7, C)])

    assert found[:2] == ["snapshot CREATE shop/configmaps/a.yaml", "live CREATE shop/configmaps/b.yaml"]
    assert len(await entries(journal)) == 3


def autoscaler(target: str = "web") -> dict[str, object]:
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "h", "namespace": "shop"},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}},
    }


def web(replicas: int) -> dict[str, object]:
    metadata = {"name": "web", "namespace": "shop"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {"replicas": replicas},
    }


async def test_replicas_are_noise_for_as_long_as_an_autoscaler_moves_them(journal: Journal) -> None:
    """Autoscalers are remembered over a restart, until an event or a complete list says that they went."""
    deployments, autoscalers = Stream("default", DEPLOYMENTS), Stream("default", AUTOSCALERS)
    given = [
        *whole(1, autoscaler(), stream=autoscalers),
        *whole(1, web(1), stream=deployments),
        live(2, web(2), stream=deployments),
    ]
    await take(journal, given)
    await take(journal, [live(3, web(3), stream=deployments)])
    assert len(await entries(journal)) == 2

    await take(journal, [*whole(4, stream=autoscalers), live(4, web(4), stream=deployments)])
    assert (await said(journal))[-1] == "live UPDATE shop/deployments.apps/web.yaml"
    changed = [live(5, autoscaler(), stream=autoscalers), live(5, web(5), stream=deployments)]
    gone = [live(6, autoscaler(), deleted=True, stream=autoscalers), live(6, web(6), stream=deployments)]
    await take(journal, [*changed, *gone])
    assert (await said(journal))[4:] == [
        "live CREATE shop/horizontalpodautoscalers.autoscaling/h.yaml",
        "live DELETE shop/horizontalpodautoscalers.autoscaling/h.yaml",
        "live UPDATE shop/deployments.apps/web.yaml",
    ]
