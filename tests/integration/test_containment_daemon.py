"""The daemon goes on, whatever goes wrong about one object, at whatever stage."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.lowlevel

from reverser import unexpected_errors
from reverser.app import withheld_conditions as shown
from reverser.attribution import version_tracker
from reverser.intake import decision_state, list_completion
from reverser.journal import rows
from reverser.journal.sqlite import open_journal
from reverser.kube import watch
from reverser.manifest import editor
from reverser.writer import commit_builder, other_manifests, repository_files
from tests.integration.running import Running, running

CANARY = "canary-hunter2"
ERRORS = (
    KeyError,
    ValueError,
    TypeError,
    RecursionError,
    MemoryError,
    OverflowError,
    AssertionError,
    OSError,
)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Conditions are looked after often."""
    monkeypatch.setattr(shown, "EVERY_SECONDS", 0.1)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path) as opened:
        yield opened


def failing(patch: pytest.MonkeyPatch, where: Any, name: str, hits: Callable[[Any], bool]) -> list[str]:
    """Have a function fail, with an error that quotes a value, for arguments that it should fail for."""
    real = getattr(where, name)
    met: list[str] = []

    def faulty(*args: Any, **named: Any) -> Any:
        if hits(args):
            error = random.choice(ERRORS)
            met.append(error.__name__)
            raise error(CANARY)
        return real(*args, **named)

    patch.setattr(where, name, faulty)
    return met


def of_bad(args: Any) -> bool:
    """Whether a call is about the object `bad`."""
    return any("bad" in repr(getattr(arg, "key", arg)) for arg in args)


STAGES = [
    (decision_state, "decide"),
    (rows, "entry_row"),
    (rows, "record_row"),
    (commit_builder, "message"),
    (commit_builder, "author"),
    (repository_files.ExistingFiles, "place_entry"),
]


@pytest.mark.parametrize(("where", "name"), STAGES, ids=lambda part: getattr(part, "__name__", part))
async def test_an_error_at_any_stage_withholds_one_object(
    world: Running, monkeypatch: pytest.MonkeyPatch, where: Any, name: str
) -> None:
    """The others land, the object is withheld and shown; the next start of a repaired version writes it."""
    await world.apply("good", "one")
    with monkeypatch.context() as patch:
        met = failing(patch, where, name, of_bad)
        async with world.daemon() as daemon:
            await world.until(lambda: "one" in world.file("good"))
            await world.apply("bad", CANARY)
            await world.until(lambda: met, "the stage was not reached")
            await world.apply("good", "two")
            await world.until(lambda: "two" in world.file("good"))
            health = daemon._health
            await world.until(lambda: any(each.type == "Bug" for each in health.conditions))
            (told,) = [each.message for each in health.conditions if each.type == "Bug"]
            assert "shop/configmaps/bad" in told
            assert CANARY not in told
            assert world.file("bad") == ""

    async with world.daemon() as daemon:
        await world.until(lambda: CANARY in world.file("bad"))
        await world.until(lambda: not any(each.type == "Bug" for each in daemon._health.conditions))


MANIFEST = """apiVersion: v1
kind: ConfigMap
metadata:
  name: mine
  namespace: shop
data:
  value: one  # a person's
"""


@pytest.mark.parametrize(("where", "name"), [(editor, "edit"), (other_manifests, "read")])
async def test_a_person_s_file_that_cannot_be_handled_stops_nobody(
    world: Running, monkeypatch: pytest.MonkeyPatch, where: Any, name: str
) -> None:
    """Its object gets no second file and is withheld; a repaired version writes it where it was."""
    world.push("mine.yaml", MANIFEST)
    await world.apply("good", "one")
    await world.apply("mine", "one")
    with monkeypatch.context() as patch:
        met = failing(patch, where, name, lambda _: True)
        async with world.daemon():
            await world.until(lambda: "one" in world.file("good"))
            await world.apply("mine", "two")
            await world.apply("good", "two")
            await world.until(lambda: "two" in world.file("good"))
    assert met
    assert world.file("mine") == ""

    async with world.daemon():
        await world.until(lambda: "two" in world.show("mine.yaml"))
    assert world.file("mine") == ""


async def test_a_person_s_file_carries_nothing_that_is_withheld(
    world: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two objects in one file, the edit of one lands without that of the other, which is withheld."""
    world.push("mine.yaml", f"{MANIFEST}---\n{MANIFEST.replace('mine', 'bad')}")
    await world.apply("mine", "one")
    await world.apply("bad", "one")
    with monkeypatch.context() as patch:
        met = failing(patch, commit_builder, "message", of_bad)
        async with world.daemon():
            await world.apply("bad", CANARY)
            await world.until(lambda: met, "the stage was not reached")
            await world.apply("mine", "two")
            await world.until(lambda: "two" in world.show("mine.yaml"))
            assert CANARY not in world.show("mine.yaml")

    async with world.daemon():
        await world.until(lambda: CANARY in world.show("mine.yaml"))
    assert "two" in world.show("mine.yaml")


async def test_errors_at_random_stages_stop_nobody(world: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """30 objects, a fault at a random stage for every third: the others land, those are withheld or land."""
    places = [
        *STAGES,
        (list_completion, "missing_from_list"),
        (version_tracker.VersionTracker, "note"),
        (watch, "change_of"),
    ]
    dice = random.Random(11)
    counts = unexpected_errors.counts.total()
    with monkeypatch.context() as patch:
        for where, name in places[:-1]:
            failing(patch, where, name, lambda args: of_bad(args) and dice.random() < 0.5)
        once = [True, True, True]
        failing(patch, watch, "change_of", lambda _: bool(once) and dice.random() < 0.2 and once.pop())
        async with world.daemon():
            for number in range(30):
                await world.apply(f"{'bad' if number % 3 == 0 else 'good'}-{number}", str(number))
                await trio.lowlevel.checkpoint()
            good = [number for number in range(30) if number % 3]
            await world.until(lambda: all(world.file(f"good-{number}") for number in good))
    assert unexpected_errors.counts.total() > counts

    async with world.daemon():
        await world.until(lambda: all(world.file(f"bad-{number}") for number in range(0, 30, 3)))
    async with open_journal(world.data) as journal:
        assert await journal.withheld() == []
