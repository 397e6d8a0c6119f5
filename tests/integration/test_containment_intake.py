"""An error that nobody expected, at each place where the intake handles one object."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from reverser import unexpected_errors
from reverser.attribution import version_tracker
from reverser.attribution.attributor import Attributor
from reverser.attribution.fact_index import Facts
from reverser.intake import decision_state, driver, list_completion
from reverser.intake.driver import Intake
from reverser.journal import rows
from reverser.journal.retrying import RetryingJournal
from reverser.journal.sqlite import open_journal
from reverser.model.change import Stream
from reverser.model.journal import Journal
from reverser.model.resource import ResourceType
from tests.integration.intaking import (
    METRICS,
    STREAM,
    Taking,
    config_map,
    entries,
    live,
    paths,
    take,
    tree,
    whole,
)

CANARY = "canary-hunter2"
A, B, C = config_map("a", "1"), config_map("b", CANARY), config_map("c", "1")
A_PATH, B_PATH, C_PATH = (f"shop/configmaps/{name}.yaml" for name in "abc")


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    """A real one."""
    async with open_journal(tmp_path) as opened:
        yield opened


class Faulty:
    """In the place of a function: fails for whatever is of the object `b`, and quotes it."""

    def __init__(self, patch: pytest.MonkeyPatch, where: Any, name: str) -> None:
        self._real = getattr(where, name)
        self.calls = 0
        patch.setattr(where, name, self)

    def __call__(self, *args: Any, **named: Any) -> Any:
        if any(CANARY in repr(arg) or "/b" in str(getattr(arg, "key", arg)) for arg in args):
            self.calls += 1
            raise KeyError(CANARY)
        return self._real(*args, **named)


async def withheld(journal: Journal) -> list[str]:
    rows = await journal.withheld()
    assert CANARY not in repr(rows)
    return [f"{row.key.name} {row.reason} {row.message}" for row in rows]


def attributing(journal: Journal, taking: Taking) -> Intake:
    """The intake with an attributor, as where webhooks listen."""
    attributor = Attributor(
        Facts(), journal.key, RetryingJournal(journal, taking.health), METRICS, lambda: 1000.0
    )
    routes = {"default": taking.intake._routes.of("default")}
    return Intake(routes, lambda stream: stream.id, journal, METRICS, taking.health, attributor)


async def test_an_object_that_cannot_be_decided_is_withheld_as_a_bug(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is withheld with the type of the error and its place; the others land, and the position moves."""
    with monkeypatch.context() as patch:
        faulty = Faulty(patch, decision_state, "decide")
        before = unexpected_errors.counts["decide"]
        await take(journal, [live(1, A), live(2, B), live(3, C)])

    assert faulty.calls == 1
    assert unexpected_errors.counts["decide"] == before + 1
    assert await paths(journal) == {A_PATH, C_PATH}
    (row,) = await withheld(journal)
    assert row.startswith("b Bug reverser has a bug: KeyError in ")
    assert (await journal.position(STREAM))[0] == "3"


async def test_an_object_of_a_list_that_cannot_be_decided_is_withheld_and_not_swept(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list is complete, the others are written, and the file of the object stays as it was."""
    await take(journal, whole(1, A, B))
    with monkeypatch.context() as patch:
        Faulty(patch, decision_state, "decide")
        await take(journal, whole(5, A, B, C))

    assert await paths(journal) == {A_PATH, B_PATH, C_PATH}
    assert [row.split(" reverser")[0] for row in await withheld(journal)] == ["b Bug"]
    assert (await journal.position(STREAM))[0] == "5"


async def test_a_repaired_version_writes_what_was_withheld(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next change, or the list of the next start, brings the object, and nothing is withheld any more."""
    for again in ([live(9, B)], whole(9, A, B)):
        with monkeypatch.context() as patch:
            Faulty(patch, decision_state, "decide")
            await take(journal, whole(8, A, config_map("b", f"{CANARY} {len(again)}")))
        assert len(await withheld(journal)) == 1

        await take(journal, again)
        assert await withheld(journal) == []
        assert CANARY.encode() in (await tree(journal))[B_PATH]


async def test_an_object_that_cannot_be_swept_is_withheld(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file stays, those of others go, and the next list removes it."""
    await take(journal, whole(1, A, B, C))
    with monkeypatch.context() as patch:
        Faulty(patch, list_completion, "missing_from_list")
        await take(journal, whole(2, A))

    assert await paths(journal) == {A_PATH, B_PATH}
    assert [row.split(" reverser")[0] for row in await withheld(journal)] == ["b Bug"]

    await take(journal, whole(3, A))
    assert await paths(journal) == {A_PATH}
    assert await withheld(journal) == []


@pytest.mark.parametrize("observations", [[live(1, A), live(2, B), live(3, C)], whole(3, A, B, C)])
async def test_a_row_that_cannot_be_stored_is_withheld(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, observations: list[Any]
) -> None:
    """The batch is journaled without it."""
    with monkeypatch.context() as patch:
        Faulty(patch, rows, "entry_row")
        await take(journal, observations)

    assert await paths(journal) == {A_PATH, C_PATH}
    assert [row.split(" reverser")[0] for row in await withheld(journal)] == ["b Bug"]
    assert (await journal.position(STREAM))[0] == "3"


@pytest.mark.parametrize(
    ("where", "name"),
    [
        (Attributor, "attributed"),
        (version_tracker.VersionTracker, "note"),
        (version_tracker.VersionTracker, "subject"),
        (Attributor, "_finish"),
    ],
)
async def test_an_object_whose_author_cannot_be_looked_for_is_written_without_one(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, where: Any, name: str
) -> None:
    """Attribution is an addition: the change lands, and nobody is named."""
    with monkeypatch.context() as patch:
        Faulty(patch, where, name)
        taking = Taking(journal)
        taking.intake = attributing(journal, taking)
        await taking.all([live(1, A), live(2, B), live(3, C)])

    assert await paths(journal) == {A_PATH, B_PATH, C_PATH}
    assert [entry.attribution.named for entry in await entries(journal)] == [False] * 3
    assert await withheld(journal) == []


async def test_an_object_that_cannot_be_looked_at_for_secrets_holds_up_no_start(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is looked at again at each start is left out where that fails."""
    await take(journal, [live(1, A), live(2, B)])
    with monkeypatch.context() as patch:
        faulty = Faulty(patch, driver, "suspicious")
        await take(journal, [live(3, C)])

    assert faulty.calls == 1
    assert await paths(journal) == {A_PATH, B_PATH, C_PATH}


WIDGETS = ResourceType("example.com", "v1", "widgets", "Widget", True)


async def test_replicas_that_no_integer_of_64_bits_holds_are_no_replicas(journal: Journal) -> None:
    """A custom resource may count so far; it is written like every other object."""
    stream = Stream("default", WIDGETS)
    metadata = {"name": "big", "namespace": "shop", "uid": "u1", "resourceVersion": "2"}
    big = {
        "apiVersion": "example.com/v1",
        "kind": "Widget",
        "metadata": metadata,
        "spec": {"replicas": 10**20},
    }
    small = big | {"spec": {"replicas": 2}}
    taking = Taking(journal)
    taking.intake = attributing(journal, taking)

    await taking.all([live(1, small, stream=stream), live(2, big, stream=stream)])

    (content,) = (await tree(journal)).values()
    assert b"replicas: 100000000000000000000" in content
    assert await withheld(journal) == []


@pytest.mark.parametrize("observations", [[live(1, A), live(2, B), live(3, C)], whole(3, A, B, C)])
async def test_what_no_stage_contains_is_contained_around_the_change(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, observations: list[Any]
) -> None:
    """Also an error between two stages is about one object."""
    with monkeypatch.context() as patch:
        patch.setattr(driver.Intake, "_decided", _failing(driver.Intake._decided))
        await take(journal, observations)

    assert await paths(journal) == {A_PATH, C_PATH}
    assert [row.split(" reverser")[0] for row in await withheld(journal)] == ["b Bug"]
    assert (await journal.position(STREAM))[0] == "3"


def _failing(real: Any) -> Any:
    async def decided(self: Any, route: Any, change: Any, *args: Any, **named: Any) -> Any:
        if change.key.name == "b":
            raise KeyError(CANARY)
        return await real(self, route, change, *args, **named)

    return decided
