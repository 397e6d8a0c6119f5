"""A data directory of an earlier release, made by `taken_over/make.py`, under the daemon of today."""

from __future__ import annotations

import json
import sqlite3
import tarfile
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from reverser.journal.sqlite import open_journal
from tests.e2e.remote import git
from tests.integration.running import Running, running

ARCHIVE = Path(__file__).parent / "taken_over/c043fca.tar.xz"
PENDING = [
    "[UPDATE] shop/configmaps/prices by alice",
    "[CREATE] shop/configmaps/late by unknown",
    "[DELETE] shop/configmaps/old by unknown",
]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Running]:
    """The data directory, the remote and the cluster as the earlier release left them."""
    async with running(tmp_path) as world:
        world.remote.rename(tmp_path / "empty.git")
        with tarfile.open(ARCHIVE) as archive:
            archive.extractall(tmp_path, filter="data")
        for obj in json.loads((tmp_path / "objects.json").read_text()):
            await world.sandbox.apply(written(obj))
        # The remote is at another path than when the archive was made, and would be another repository.
        with closing(sqlite3.connect(world.journal)) as database, database:
            url = json.dumps([world.remote.as_uri(), "main", "commit"])
            assert database.execute("UPDATE facts SET value=? WHERE name='place/live'", (url,)).rowcount
        yield world


SERVERS = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields")
"""Metadata that the API server gives, and would refuse from anybody else."""


def written(obj: dict[str, Any]) -> dict[str, Any]:
    """The object as whoever wrote it did."""
    metadata = {name: value for name, value in obj["metadata"].items() if name not in SERVERS}
    return {**obj, "metadata": metadata}


def subjects(world: Running, since: str) -> list[str]:
    """Subjects of the commits after one, oldest first."""
    return git("-C", str(world.remote), "log", "--reverse", "--format=%s", f"{since}..main").splitlines()


async def test_a_data_directory_of_c043fca_is_taken_over(world: Running) -> None:
    """The first start commits the pending entries, each once, and nothing else; the second nothing at all."""
    before = git("-C", str(world.remote), "rev-parse", "main").strip()
    for _ in range(2):
        async with world.daemon():
            # Nothing is pushed before all first lists are in the journal.
            await world.until(lambda: world.file("late"))
            await world.apply("marker", "seen")
            await world.until(lambda: "seen" in world.file("marker"))
            await world.sandbox.delete("v1", "ConfigMap", "marker", "shop")
            await world.until(lambda: not world.file("marker"))

    markers = ["[CREATE] shop/configmaps/marker by unknown", "[DELETE] shop/configmaps/marker by unknown"]
    assert subjects(world, before) == [*PENDING, *markers, *markers]
    assert git(
        "-C", str(world.remote), "diff", "--no-renames", "--name-status", before, "main"
    ).splitlines() == [
        "A\tshop/configmaps/late.yaml",
        "D\tshop/configmaps/old.yaml",
        "M\tshop/configmaps/prices.yaml",
    ]
    async with open_journal(world.data) as journal:
        assert await journal.pending("live") == []
        assert await journal.withheld() == []


async def test_facts_and_settings_of_c043fca_are_taken_over(world: Running) -> None:
    """Each table has what it had under its earlier name: facts are facts, settings are settings."""
    with closing(sqlite3.connect(world.journal)) as database:
        settings = dict(database.execute("SELECT name, value FROM facts"))
        facts = database.execute("SELECT count(*) FROM evidence").fetchone()[0]

    async with open_journal(world.data) as journal:
        assert [fact.actor.name for _, fact in await journal.load_facts()] == ["bob", "alice"]
        assert facts == 2
        stored = await journal.get_settings("")
        assert {name: stored[name] for name in settings if name not in ("id", "former")} == {
            name: value for name, value in settings.items() if name not in ("id", "former")
        }
        assert await journal.head("live") == settings["head/live"]
        assert journal.knows(settings["id"])
        assert [each.key.name for each in await journal.pending("live")] == ["prices", "late", "old"]
