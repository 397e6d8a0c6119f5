"""The sandbox's calls, and reverser's real listener: whoever writes there is the author of the commit."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import msgspec

from reverser.app.demo import free_port, register
from reverser.config import Webhook
from tests.integration.kubernetes import APPLY, STRATEGIC, Api, configmap, deployment
from tests.integration.running import Running, running

FORM = "--format=%s|%(trailers:key=Attribution,valueonly,separator=)"


async def test_every_write_has_its_author(tmp_path: Path) -> None:
    """Each verb, by another user than the one before: each commit names who asked, and how that is known."""
    async with running(tmp_path) as world:
        bind = f"127.0.0.1:{free_port()}"
        world.config = msgspec.structs.replace(world.config, webhook=Webhook(bind=bind))
        await register(world.config)
        async with world.daemon(), _as("alice", world) as alice, _as("bob", world) as bob:
            await world.apply("before", "1")
            await world.until(lambda: world.file("before"), "the first file")
            await _write(world, alice, bob)

    assert sorted(log(world)) == sorted(
        [
            "[CREATE] shop/configmaps/a by alice|admission",
            "[UPDATE] shop/configmaps/a by bob|admission",
            "[UPDATE] shop/configmaps/a by alice|admission",
            "[UPDATE] shop/configmaps/a by bob|admission",
            "[DELETE] shop/configmaps/a by alice|admission",
            "[CREATE] shop/deployments.apps/web by alice|admission",
            "[UPDATE] shop/deployments.apps/web by bob|admission-key",
            "[UPDATE] shop/deployments.apps/web by alice|admission",
        ]
    )


async def _write(world: Running, alice: Api, bob: Api) -> None:
    """All there is to do to objects."""
    path, web = f"{alice.configmaps}/a", f"{alice.deployments}/web"
    created = await alice.create(alice.configmaps, configmap("a"))
    await bob.put(path, {**created, "data": {"value": "2"}})
    await alice.patch(path, {"data": {"value": "3"}})
    await bob.patch(path, configmap("a", "4"), APPLY, fieldManager="kubectl", force="true")
    await alice.delete(path)
    await alice.create(alice.deployments, deployment("web", 1))
    await bob.patch(f"{web}/scale", {"spec": {"replicas": 2}})
    await alice.patch(web, {"metadata": {"labels": {"tier": "front"}}}, STRATEGIC)
    await world.until(lambda: len(log(world)) == 8, "all commits")


@asynccontextmanager
async def _as(user: str, world: Running) -> AsyncIterator[Api]:
    """The API as this user sees it."""
    async with httpx.AsyncClient(base_url=f"{world.sandbox.url}/as/{user}") as client:
        yield Api(client, "shop")


def log(world: Running) -> list[str]:
    """subject|evidence of each commit but those that are there before alice and bob begin."""
    command = ["git", "-C", str(world.remote), "log", FORM, "main"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return [line for line in lines if "/before" not in line and not line.startswith("Snapshot")]
