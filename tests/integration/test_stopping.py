"""How the daemon ends: signals of people, of terminals and of programs that start it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import msgspec
import pytest
import structlog
import trio

from reverser.app import signals
from reverser.app.daemon import Daemon
from reverser.log import configure
from tests.e2e.remote import install_hook
from tests.integration.running import BOUND_SECONDS, Running, running

CONFIG = """data_dir = "{folder}/data"
operations.bind = "127.0.0.1:0"
log.format = "json"
[[clusters]]
name = "default"
kubeconfig = "{folder}/kubeconfig"
[[destinations]]
name = "live"
url = "file://{folder}/live.git"
[[rules]]
name = "everything"
destination = "live"
"""


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path) as opened:
        yield opened


def slow_push(world: Running, folder: Path) -> tuple[Path, Path]:
    """(is there once a push has begun, lets pushes land once it is there)."""
    begun, landing = folder / "begun", folder / "landing"
    script = f'touch "{begun}"; while [ ! -e "{landing}" ]; do sleep 0.05; done'
    install_hook(world.remote, "pre-receive", script)
    return begun, landing


async def test_gnu_timeout_drains(world: Running, tmp_path: Path) -> None:
    """It signals the process and then its whole group: what waits is pushed all the same."""
    begun, landing = slow_push(world, tmp_path)
    path = tmp_path / "reverser.toml"
    path.write_text(CONFIG.format(folder=tmp_path))
    await world.apply("web", "one")
    words = ["timeout", "600", sys.executable, "-m", "reverser", "run", "--config", str(path)]
    async with trio.open_nursery() as nursery:
        run = partial(trio.run_process, words, stderr=subprocess.PIPE, start_new_session=True, check=False)
        process: trio.Process = await nursery.start(run)
        await world.until(begun.exists)
        process.send_signal(signal.SIGTERM)
        told = b""
        assert process.stderr is not None
        while b'"stopping, pending changes are pushed first"' not in told:
            told += await process.stderr.receive_some()
        landing.touch()
        async for more in process.stderr:
            told += more

    assert "one" in world.file("web")
    assert process.returncode == 0
    assert b"at once; what is not pushed yet" in told
    assert b"stopping at once" not in told


@pytest.mark.parametrize("same", [True, False], ids=["at once", "later"])
async def test_a_second_signal_ends_at_once_when_it_is_another_wish(
    world: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, same: bool
) -> None:
    """Two in the same moment are one wish; a later one does not wait for a push that hangs."""
    monkeypatch.setattr(signals, "SAME_SECONDS", BOUND_SECONDS if same else 0.0)
    world.config = msgspec.structs.replace(world.config, grace_seconds=10.0 * BOUND_SECONDS)
    begun, landing = slow_push(world, tmp_path)
    await world.apply("web", "one")
    configure("console", "info")
    with structlog.testing.capture_logs() as logged, trio.fail_after(BOUND_SECONDS):
        async with trio.open_nursery() as nursery:
            await nursery.start(Daemon(world.config, lambda: world.config).run)
            await world.until(begun.exists)
            os.kill(os.getpid(), signal.SIGINT)
            await world.until(lambda: any(line["event"].startswith("stopping, pending") for line in logged))
            os.kill(os.getpid(), signal.SIGTERM)
            if same:
                landing.touch()
    landing.touch()

    assert any("at once" in line["event"] for line in logged) is not same
    assert "one" in world.file("web") or not same
