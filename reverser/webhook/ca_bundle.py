"""With a self-managed certificate: what API servers trust follows the authority, while we run.

A renewed authority signs nothing for a while, and stands beside the old one in the bundle; so there
is time, and an API server that cannot be reached is simply asked again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog
import trio

from reverser.config import Cluster
from reverser.errors import ReverserError
from reverser.kube import credentials
from reverser.kube.client import Client
from reverser.webhook import install

log = structlog.get_logger()

EVERY_SECONDS = 600.0


async def keep_bundles(
    clusters: Sequence[Cluster], bundle: Callable[[], bytes], every_seconds: float = EVERY_SECONDS
) -> None:
    """Keep the registrations of all clusters up to date, until cancelled."""
    reported: dict[str, str] = {}
    while True:
        for cluster in clusters:
            try:
                changed = await _update(cluster, await trio.to_thread.run_sync(bundle))
            except ReverserError as error:
                if reported.get(cluster.name) != error.message:
                    hint = "until it can: `reverser webhook install` once the authority was renewed"
                    log.warning(
                        "webhook registration cannot be checked",
                        cluster=cluster.name,
                        error=error.message,
                        hint=hint,
                    )
                reported[cluster.name] = error.message
                continue
            reported.pop(cluster.name, None)
            for name in changed:
                log.info(
                    "webhook registration trusts the renewed certificate authority",
                    cluster=cluster.name,
                    registration=name,
                )
        await trio.sleep(every_seconds)


async def _update(cluster: Cluster, bundle: bytes) -> list[str]:
    login = await credentials.load(cluster.kubeconfig, cluster.context)
    async with Client.open(login) as client:
        return await install.keep_bundles(client, bundle)
