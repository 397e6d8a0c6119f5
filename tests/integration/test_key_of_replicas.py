"""A replica whose API server does not answer when it starts."""

from __future__ import annotations

from pathlib import Path

import httpx
import trio

from reverser.app.daemon import Daemon
from reverser.config import Operations
from reverser.config.leader_table import Leader
from tests.integration.running import BOUND_SECONDS, running
from tests.ports import free_port


async def test_probes_are_answered_while_the_key_is_waited_for(tmp_path: Path) -> None:
    """The pod is alive, is not ready, and says which Secret it waits for."""
    async with running(tmp_path) as world:
        address = f"127.0.0.1:{free_port()}"
        world.change(leader=Leader(namespace="reverser", identity="one"), operations=Operations(bind=address))
        _point_elsewhere(Path(world.config.clusters[0].kubeconfig), world.sandbox.url)
        daemon = Daemon(world.config, lambda: world.config)
        async with trio.open_nursery() as nursery, httpx.AsyncClient(base_url=f"http://{address}") as client:
            nursery.start_soon(daemon.run)
            with trio.fail_after(BOUND_SECONDS):
                text = await _answer(client, "KeyUnavailable")
                assert (await client.get("/healthz")).status_code == 200
                assert "leader/key" in text
            nursery.cancel_scope.cancel()


def _point_elsewhere(kubeconfig: Path, url: str) -> None:
    kubeconfig.write_text(kubeconfig.read_text().replace(url, f"http://127.0.0.1:{free_port()}"))


async def _answer(client: httpx.AsyncClient, word: str) -> str:
    """What `/readyz` says, once that has a word in it."""
    while True:
        try:
            answer = await client.get("/readyz")
        except httpx.TransportError:
            await trio.sleep(0.05)
            continue
        if word in answer.text:
            assert answer.status_code == 503
            return answer.text
        await trio.sleep(0.05)
