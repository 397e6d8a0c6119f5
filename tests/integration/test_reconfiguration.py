"""Another configuration takes over while the daemon runs, and interrupts nothing that it does not concern."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import AsyncIterator
from copy import copy
from pathlib import Path

import httpx
import msgspec
import pytest
import trio

from reverser.kube.watch import Watch
from reverser.model.destination import Destination
from reverser.model.rule import Rule, SanitizeRule
from reverser.sandbox import Sandbox
from tests.integration.running import Running, running, taken_over

SECRETIVE = SanitizeRule(resources=("configmaps",), strip=("data.value",))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Running]:
    """A cluster, a remote, and rules for ConfigMaps and ServiceAccounts of two namespaces."""
    async with running(tmp_path) as made:
        await made.sandbox.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bank"}})
        maps = Rule("maps", "live", resources=("configmaps",), namespaces=("shop",))
        accounts = Rule("accounts", "live", resources=("serviceaccounts",))
        made.config = msgspec.structs.replace(made.config, rules=(maps, accounts))
        yield made


async def total(world: Running, name: str) -> float:
    """The sum of a counter over its labels."""
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"{world.url}/metrics")).text
    rows = (row for row in text.splitlines() if row.startswith(f"gitopsreverser_{name}{{"))
    return sum(float(row.rpartition(" ")[2]) for row in rows)


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Resource -> how often a stream of it has begun."""
    counts = Counter[str]()
    run = Watch.run

    async def counted(watch: Watch, position: str) -> None:
        counts[watch.stream.type.resource] += 1
        await run(watch, position)

    monkeypatch.setattr(Watch, "run", counted)
    return counts


async def test_a_rule_that_changes_interrupts_no_other_stream(world: Running, begun: Counter[str]) -> None:
    """The type that it is about lists again; the watch of another type goes on, and both are in force."""
    await world.apply("a", "1")
    await world.apply("b", "1", "bank")
    async with world.daemon() as daemon:
        await world.until(lambda: world.file("a"))
        assert begun == {"configmaps": 1, "serviceaccounts": 1}
        wider = msgspec.structs.replace(world.config.rules[0], namespaces=("shop", "bank"))
        world.change(rules=(wider, world.config.rules[1]))

        await taken_over(daemon)
        await world.until(lambda: world.file("b", "bank"))

        assert begun == {"configmaps": 3, "serviceaccounts": 1}, "one stream each of shop and bank"
        await world.sandbox.apply(
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "s", "namespace": "shop"}}
        )
        await world.until(lambda: world.show("shop/serviceaccounts/s.yaml"))


async def test_one_of_many_rules_restarts_one_stream_and_no_writer(world: Running) -> None:
    """Six destinations with two rules each: the metrics count the one stream whose rule changed."""
    numbers = range(6)
    url = world.config.destinations[0].url
    destinations = [Destination(f"d{number}", url, path=f"d{number}") for number in numbers]
    maps = [Rule(f"maps{n}", f"d{n}", resources=("configmaps",), namespaces=("shop*",)) for n in numbers]
    accounts = [Rule(f"accounts{n}", f"d{n}", resources=("serviceaccounts",)) for n in numbers]
    world.change(destinations=tuple(destinations), rules=(*maps, *accounts))
    await world.apply("a", "1")
    await world.apply("b", "1", "bank")
    async with world.daemon() as daemon:
        await world.until(lambda: all(world.show(f"d{n}/shop/configmaps/a.yaml") for n in numbers))
        assert await total(world, "writer_starts_total") == 6
        maps[3] = msgspec.structs.replace(maps[3], namespaces=("*",))
        world.change(rules=(*maps, *accounts))

        await taken_over(daemon)
        await world.until(lambda: world.show("d3/bank/configmaps/b.yaml"))

        assert await total(world, "watch_restarts_total") == 1
        assert await total(world, "writer_starts_total") == 6
        assert not world.show("d4/bank/configmaps/b.yaml")


async def test_a_rule_that_goes_leaves_its_files(world: Running) -> None:
    """They stay, as they are for a rule that was taken out while the daemon was down."""
    await world.apply("a", "1")
    async with world.daemon() as daemon:
        await world.until(lambda: world.file("a"))
        world.change(rules=world.config.rules[1:])
        await taken_over(daemon)
        await world.apply("a", "2")
        world.change(rules=(*world.config.rules, Rule("all", "live", resources=("configmaps",))))
        await taken_over(daemon)
        await world.until(lambda: "'2'" in world.file("a") or '"2"' in world.file("a"))


async def test_a_destination_comes_and_goes(world: Running, tmp_path: Path) -> None:
    """A new one gets everything; the other one is not written anew, and goes on when the new one goes."""
    await world.apply("a", "1")
    other = Running(tmp_path / "other", world.sandbox) if (tmp_path / "other").mkdir() is None else world
    async with world.daemon() as daemon:
        await world.until(lambda: world.file("a"))
        head = world.head()
        both = (*world.config.destinations, Destination("copy", other.remote.as_uri(), layout="rest"))
        rules = world.config.rules
        world.change(destinations=both, rules=(*rules, Rule("copy", "copy", resources=("configmaps",))))
        await taken_over(daemon)
        await world.until(lambda: other.show("v1/configmaps/shop/a.yaml"))
        assert world.head() == head

        world.change(destinations=both[:1], rules=rules)
        await taken_over(daemon)
        await world.apply("a", "2")
        await world.until(lambda: world.head() != head)
        assert other.show("v1/configmaps/shop/a.yaml")


async def test_what_is_stripped_changes(world: Running) -> None:
    """Every file that it concerns is written anew, by one list."""
    await world.apply("a", "1")
    async with world.daemon() as daemon:
        await world.until(lambda: "value" in world.file("a"))
        world.change(sanitize=(SECRETIVE,))
        await taken_over(daemon)
        await world.until(lambda: world.file("a") and "value" not in world.file("a"))


async def test_many_configurations_in_a_row(world: Running) -> None:
    """Only the newest counts in the end, and what changed in between is in the branch."""
    rules = world.config.rules
    async with world.daemon() as daemon, trio.open_nursery() as nursery:
        for number, namespaces in enumerate(itertools.islice(itertools.cycle([("shop",), ("bank",)]), 20)):
            one = msgspec.structs.replace(rules[0], namespaces=namespaces)
            world.change(rules=(one, rules[1]))
            nursery.start_soon(world.apply, f"m{number}", "1", "bank")
            daemon.reload()
            await trio.lowlevel.checkpoint()
        await taken_over(daemon)
        await world.until(lambda: all(world.file(f"m{number}", "bank") for number in range(20)))


async def test_a_kubeconfig_that_reads_otherwise_is_used(world: Running, tmp_path: Path) -> None:
    """The same file leads to another server: from the reload on that one is observed."""
    await world.apply("a", "1")
    async with world.daemon() as daemon, Sandbox.open() as other:
        await world.until(lambda: world.file("a"))
        await other.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
        await other.apply(
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b", "namespace": "shop"}}
        )
        other.kubeconfig(Path(world.config.clusters[0].kubeconfig))
        world.change(clusters=tuple(map(copy, world.config.clusters)))
        await taken_over(daemon)
        await world.until(lambda: world.file("b") and not world.file("a"))
