"""What is not in Git is named: by `reverser withheld`, and by `/readyz` on loopback."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import trio
from click.testing import CliRunner

from reverser.app.daemon import Daemon
from reverser.cli import group
from tests.integration.running import BOUND_SECONDS, Running, running

THEIRS = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other, namespace: shop}\n"


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path) as opened:
        yield opened


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "reverser.toml"
    path.write_text(
        f'data_dir = "{tmp_path}/data"\n[[clusters]]\nname = "default"\n[[destinations]]\nname = "live"\n'
        f'url = "file://{tmp_path}/live.git"\n[[rules]]\nname = "all"\ndestination = "live"\n'
    )
    return path


async def said(config: Path, *options: str) -> tuple[int, str]:
    """(exit code, output) of the command."""
    words = ["withheld", "--config", str(config), *options]
    done = await trio.to_thread.run_sync(CliRunner().invoke, group, words)
    assert done.exception is None or isinstance(done.exception, SystemExit), repr(done.exception)
    return done.exit_code, done.output


async def test_an_object_that_is_withheld_is_named_with_its_reason(world: Running, config: Path) -> None:
    """While the daemon runs, after it has ended, and no more once the object is written."""
    world.push("shop/configmaps/web.yaml", THEIRS)
    async with trio.open_nursery() as nursery:
        daemon = Daemon(world.config, lambda: world.config)
        url = await nursery.start(daemon.run)
        await world.apply("web", "one")
        await world.apply("good", "one")
        await world.until(lambda: "one" in world.file("good"))
        async with httpx.AsyncClient() as client:
            with trio.move_on_after(BOUND_SECONDS):
                while "withheld" not in (page := (await client.get(f"{url}/readyz")).text):
                    await trio.sleep(0.02)
        running_code, while_running = await said(config)
        daemon.stop()
    code, after = await said(config)
    rows = json.loads((await said(config, "--output", "json"))[1])

    assert (running_code, code) == (0, 0)
    assert "destination/live/shop/configmaps/web withheld PathTaken: " in page
    assert while_running == after
    assert after.startswith("live: shop/configmaps/web: PathTaken: ")
    assert [(row["key"], row["reason"]) for row in rows["withheld"]] == [("shop/configmaps/web", "PathTaken")]
    assert rows["waiting"] == {"live": 0}


async def test_what_waits_to_be_pushed_is_told(world: Running, config: Path) -> None:
    """A remote that is away withholds nothing, and what it has not got is counted."""
    async with world.daemon():
        await world.apply("web", "one")
        await world.until(lambda: "one" in world.file("web"))
    assert await said(config) == (0, "nothing is withheld, and nothing waits to be pushed\n")
    world.remote.rename(world.remote.with_name("away.git"))
    async with trio.open_nursery() as nursery:
        daemon = Daemon(world.config, lambda: world.config)
        await nursery.start(daemon.run)
        await world.apply("web", "two")
        with trio.fail_after(BOUND_SECONDS):
            while "1 change waits to be pushed" not in (await said(config))[1]:
                await trio.sleep(0.02)
        nursery.cancel_scope.cancel()

    assert "live: 1 change waits to be pushed, the oldest since 20" in (await said(config))[1]


def test_without_a_journal_it_says_so(config: Path) -> None:
    """No folder is made, and the exit code is that of what cannot be used."""
    done = CliRunner().invoke(group, ["withheld", "--config", str(config)])

    assert str(done.exception).startswith("there is no journal at ")
    assert not (config.parent / "data").exists()
