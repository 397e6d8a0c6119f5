"""When a cluster's history is another one, nothing of the old one is joined or gone on from."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reverser.attribution.fact_store import FactStore
from reverser.health import Health
from reverser.journal.sqlite import open_journal
from reverser.model.attribution import Actor
from reverser.model.change import Identified, Operation, StartedOver, Stream
from reverser.model.fact import Fact, Source
from reverser.model.journal import Journal, cluster_uid_setting
from reverser.model.resource import ResourceType
from tests.integration.intaking import METRICS, STREAM, Taking, config_map, take, whole

SECRETS = Stream("default", ResourceType("", "v1", "secrets", "Secret", True))


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    async with open_journal(tmp_path) as opened:
        yield opened


def fact(resource: str, *, cluster: str = "default") -> Fact:
    return Fact(
        id=f"{cluster}/{resource}", cluster=cluster, source=Source.AUDIT, group="", resource=resource,
        namespace="shop", name="a", uid="u1", version="8", operation=Operation.UPDATE,
        actor=Actor("alice"), at=0.0,
    )  # fmt: skip


def witnesses(journal: Journal) -> FactStore:
    return FactStore(journal, METRICS, Health(), 0.0)


async def test_another_cluster_s_positions_are_dropped(journal: Journal) -> None:
    """What was read of the cluster before is gone on from by nobody, after a crash neither."""
    await take(journal, [Identified("default", "first", another=False), *whole(9, config_map("a", 1))])
    assert (await journal.position(STREAM))[0] == "9"

    await take(journal, [Identified("default", "second", another=True)])

    assert await journal.position(STREAM) == ("", "")
    assert await journal.get_setting(cluster_uid_setting("default")) == "second"


async def test_the_same_cluster_keeps_its_positions(journal: Journal) -> None:
    """A uid that is learned for the first time voids nothing."""
    await take(journal, whole(9, config_map("a", 1)))

    await take(journal, [Identified("default", "first", another=False)])

    assert (await journal.position(STREAM))[0] == "9"


async def test_facts_of_a_void_history_join_nothing(journal: Journal) -> None:
    """Versions are given out again after a restore: who wrote version 8 before it wrote another content."""
    first = witnesses(journal)
    facts = [fact("configmaps"), fact("secrets"), fact("configmaps", cluster="other")]
    await first.add_durable(facts)
    taking = Taking(journal)
    taking.intake._attributor = first.attributor
    assert len(await journal.load_facts()) == 3

    await taking.all([StartedOver(STREAM, 1e12)])

    assert first._facts.audited("other", "u1", "8")
    assert {each.resource for each in first._facts.audited("default", "u1", "8")} == {"secrets"}
    again = witnesses(journal)
    await again.load(["default", "other"])
    assert {each.resource for each in again._facts.audited("default", "u1", "8")} == {"secrets"}
    assert again._facts.audited("other", "u1", "8")
