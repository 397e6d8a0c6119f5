"""Another configuration takes over in the middle of something else: a stop, a failure, a list, a removal."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Collection
from pathlib import Path

import msgspec
import pytest
import trio

from reverser.app.daemon import Daemon
from reverser.app.writers import Writers
from reverser.model.destination import Destination
from reverser.model.rule import Rule, SensitiveRule
from tests.integration.running import Running, running, taken_over

UNMET = SensitiveRule(resources=("configmaps",), paths=("data.nothing",))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Running]:
    """A cluster, a remote, and rules for ConfigMaps and ServiceAccounts."""
    async with running(tmp_path) as opened:
        rules = Rule("maps", "live", resources=("configmaps",)), Rule("accounts", "live", resources=("sa",))
        opened.config = msgspec.structs.replace(opened.config, rules=rules)
        yield opened


def subjects(daemon: Daemon) -> set[str]:
    """What has a condition that holds."""
    return {each.subject for each in daemon._health.conditions if each.status}


async def test_what_is_journaled_is_pushed_when_a_stop_interrupts_a_take_over(
    world: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The destination's writer has ended for the new configuration; a stop starts it again, to drain."""
    end = Writers.end

    async with world.daemon() as daemon:
        await world.apply("a", "1")
        await world.until(lambda: world.file("a"))

        async def stopped(writers: Writers, names: Collection[str]) -> None:
            await end(writers, names)
            daemon.stop()
            await trio.lowlevel.checkpoint()

        slow = msgspec.structs.replace(world.config.destinations[0], window="1h")
        world.change(destinations=(slow,))
        await taken_over(daemon)
        await world.apply("late", "1")
        await world.until(lambda: pending(world))
        monkeypatch.setattr(Writers, "end", stopped)
        world.change(destinations=(msgspec.structs.replace(slow, window="30m"),))
        daemon.reload()
        await world.until(lambda: daemon._stopping)
    assert world.file("late")


def pending(world: Running) -> int:
    """How many entries are in the journal."""
    with sqlite3.connect(f"file:{world.journal}?mode=ro", uri=True) as journal:
        return int(journal.execute("SELECT count(*) FROM entries").fetchone()[0])


def world_metrics(daemon: Daemon) -> bytes:
    return daemon._metrics.expose()


async def test_a_writer_that_is_to_begin_anew_before_it_began_does_begin(world: Running) -> None:
    """A Secret that changes in the moment in which its destination changes does not end the writing."""
    async with world.daemon() as daemon:
        await world.apply("a", "1")
        await world.until(lambda: world.file("a"))
        adopt = Writers.adopt
        assert daemon._session is not None
        writers = daemon._session._writers

        def adopted(*args: object) -> None:
            adopt(writers, *args)  # type: ignore[arg-type]
            writers.restart("live")

        writers.adopt = adopted  # type: ignore[method-assign]
        world.change(destinations=(msgspec.structs.replace(world.config.destinations[0], window="1s"),))
        await taken_over(daemon)
        await world.apply("b", "1")
        await world.until(lambda: world.file("b"))


async def test_a_condition_of_a_type_that_is_watched_no_more_goes(world: Running) -> None:
    """What the journal knows of an earlier list is not shown again when other rules take over."""
    world.change(sensitive=(UNMET,))
    await world.apply("a", "1")
    async with world.daemon() as daemon:
        await world.until(lambda: "sensitive/default/configmaps" in subjects(daemon))
        world.change(rules=world.config.rules[1:])
        await taken_over(daemon)
        assert "sensitive/default/configmaps" not in subjects(daemon)


async def test_nothing_of_a_destination_that_goes_stays(world: Running, tmp_path: Path) -> None:
    """Its gauges and its conditions go with it, those of the others stay."""
    gone = Destination("gone", (tmp_path / "missing.git").as_uri())
    world.change(
        destinations=(*world.config.destinations, gone),
        rules=(*world.config.rules, Rule("gone", "gone", resources=("configmaps",))),
    )
    await world.apply("a", "1")
    async with world.daemon() as daemon:
        await world.until(lambda: world.file("a") and "destination/gone" in subjects(daemon))
        daemon._metrics.set("withheld_objects", 0, destination="gone")
        daemon._metrics.set("withheld_objects", 0, destination="live")
        world.change(destinations=world.config.destinations[:1], rules=world.config.rules[:2])
        await taken_over(daemon)
        assert "destination/gone" not in subjects(daemon)
        gauges = [line for line in world_metrics(daemon).decode().splitlines() if "withheld_objects{" in line]
        assert ['destination="live"' in line for line in gauges] == [True]
