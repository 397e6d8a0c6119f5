"""Random walks: configurations take over one another while objects change, and processes end at any moment.

Whatever came between, the branches end as the last configuration and the objects of the cluster demand.
"""

from __future__ import annotations

import random
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import msgspec
import pytest
import trio

from reverser.app.daemon import Daemon
from reverser.config import Config
from reverser.model.destination import Destination
from reverser.model.rule import Rule, SanitizeRule
from tests.integration.running import Running, running, taken_over

NAMESPACES = ("shop", "bank")
NAMES = ("a", "b", "c")
SCOPES = ((), ("shop",), ("bank",), ("shop", "bank"), ("*",))
"""Namespaces of a rule; without any there is no rule."""
STRIPPED = SanitizeRule(resources=("configmaps",), strip=("data.value",))
STEPS = 30
BOUND_SECONDS = 45


class Walk:
    """The cluster, two repositories, and the configuration of the moment."""

    def __init__(self, world: Running, folder: Path, seed: int) -> None:
        self.world = world
        self.copy = folder / "copy.git"
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(self.copy)], check=True)
        self.random = random.Random(seed)
        self.objects: dict[tuple[str, str], str] = {}
        self.scopes = {"live": SCOPES[1], "copy": SCOPES[0]}
        self.configure()

    @property
    def config(self) -> Config:
        """What is in the file now."""
        return self.world.config

    def configure(self) -> None:
        """Another configuration, in one or more respects."""
        self.scopes = {name: self.random.choice(SCOPES) for name in self.scopes}
        live = self.random.choice(("live", "renamed"))
        names = {"live": live, "copy": "copy"}
        destinations = (
            Destination(live, self.world.remote.as_uri(), window=self.random.choice(("0s", "1s"))),
            Destination("copy", self.copy.as_uri(), layout="rest", window="0s"),
        )
        rules = [
            Rule(f"maps to {name}", names[name], resources=("configmaps",), namespaces=scope)
            for name, scope in self.scopes.items()
            if scope
        ]
        rules.insert(self.random.choice((0, len(rules))), Rule("accounts", live, resources=("sa",)))
        self.world.config = msgspec.structs.replace(
            self.config,
            destinations=destinations,
            rules=tuple(rules),
            sanitize=self.random.choice(((), (), (STRIPPED,))),
        )

    async def change(self) -> None:
        """An object is written or deleted."""
        key = self.random.choice(NAMESPACES), self.random.choice(NAMES)
        if key in self.objects and self.random.random() < 0.3:
            del self.objects[key]
            await self.world.sandbox.delete("v1", "ConfigMap", key[1], key[0])
        else:
            value = str(self.random.randrange(10**9))
            self.objects[key] = value
            await self.world.apply(key[1], value, key[0])

    def wrong(self) -> list[str]:
        """What is not in the branches as it shall be."""
        stripped = bool(self.config.sanitize)
        return [
            *self._wrong(self.world.remote, "{0}/configmaps/{1}.yaml", self.scopes["live"], stripped),
            *self._wrong(self.copy, "v1/configmaps/{0}/{1}.yaml", self.scopes["copy"], stripped),
        ]

    def _wrong(self, remote: Path, path: str, scope: tuple[str, ...], stripped: bool) -> list[str]:
        namespaces = NAMESPACES if scope == ("*",) else scope
        files = _files(remote)
        wrong = []
        for key in ((namespace, name) for namespace in namespaces for name in NAMES):
            file, value = files.get(path.format(*key), ""), self.objects.get(key)
            right = bool(file) == (value is not None)
            if right and value is not None:
                right = (value in file) != stripped and ("value" in file) != stripped
            if not right:
                wrong.append(f"{remote.name} {key}: {file!r} for {value}")
        return wrong


def _files(remote: Path) -> Mapping[str, str]:
    """Path -> content of what the branch holds, of one commit: it may move meanwhile."""
    git = ["git", "-C", str(remote)]
    run = partial(subprocess.run, capture_output=True, check=True)
    head = subprocess.run([*git, "rev-parse", "-q", "--verify", "main"], capture_output=True, check=False)
    if head.returncode:
        return {}
    commit = head.stdout.decode().strip()
    names = run([*git, "ls-tree", "-r", "--name-only", commit]).stdout.decode().split()
    return {name: run([*git, "show", f"{commit}:{name}"]).stdout.decode() for name in names}


@asynccontextmanager
async def process(world: Running) -> AsyncIterator[Daemon]:
    """A daemon that ends at once at the end of the block, as killed."""
    daemon = Daemon(world.config, lambda: world.config)
    async with trio.open_nursery() as nursery:
        await nursery.start(daemon.run)
        yield daemon
        nursery.cancel_scope.cancel()


async def _pause(walk: Walk) -> None:
    """A few turns of the loop, or a moment: whatever runs is somewhere in the middle."""
    if walk.random.random() < 0.5:
        for _ in range(walk.random.randrange(30)):
            await trio.lowlevel.checkpoint()
    else:
        await trio.sleep(walk.random.random() * 0.1)


async def _walk(walk: Walk, daemon: Daemon, steps: int) -> None:
    for _ in range(steps):
        if walk.random.random() < 0.4:
            walk.configure()
            daemon.reload()
        else:
            await walk.change()
        await _pause(walk)


async def _end(walk: Walk) -> None:
    with trio.move_on_after(BOUND_SECONDS):
        while walk.wrong():
            await trio.sleep(0.1)
    assert not walk.wrong(), walk.config.rules


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Running]:
    """A cluster with two namespaces, and a remote."""
    async with running(tmp_path) as opened:
        await opened.sandbox.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "bank"}})
        yield opened


@pytest.mark.parametrize("seed", range(4))
async def test_configurations_taken_over_live_end_as_the_last_one(
    world: Running, tmp_path: Path, seed: int
) -> None:
    """Every object that it selects has its file, as it is now, and what was deleted has none."""
    walk = Walk(world, tmp_path, seed)
    async with process(world) as daemon:
        await _walk(walk, daemon, STEPS)
        await _end(walk)


@pytest.mark.parametrize("seed", range(4))
async def test_processes_that_end_while_configurations_are_taken_over_lose_nothing(
    world: Running, tmp_path: Path, seed: int
) -> None:
    """The same with processes that end at any moment, each of which goes on where the last one ended."""
    walk = Walk(world, tmp_path, 1000 + seed)
    for _ in range(6):
        async with process(world) as daemon:
            await _walk(walk, daemon, STEPS // 5)
    async with process(world):
        await _end(walk)


async def test_many_configurations_leave_nothing_behind(world: Running, tmp_path: Path) -> None:
    """No more tasks and open files are there after a hundred than after ten."""
    walk = Walk(world, tmp_path, 1)
    first = walk.config
    used = list[tuple[int, int]]()
    async with process(world) as daemon:
        for count in (10, 100):
            for _ in range(count):
                walk.configure()
                await taken_over(daemon)
            world.config = first
            await taken_over(daemon)
            used.append(await _used_at_rest())
    assert used[1] <= used[0]


async def _used_at_rest() -> tuple[int, int]:
    """(tasks, open files) once that has not changed for a second."""
    last, since = (0, 0), trio.current_time()
    while trio.current_time() < since + 1:
        await trio.sleep(0.05)
        used = trio.lowlevel.current_statistics().tasks_living, _open_files()
        if used != last:
            last, since = used, trio.current_time()
    return last


def _open_files() -> int:
    return len([*Path("/proc/self/fd").iterdir()])
