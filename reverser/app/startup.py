"""What a process begins with: its journal, which nobody else may use meanwhile, and its first lines.

The first lines of the log say what is watched and written to, before anything is connected to.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import structlog
import trio

from reverser import __version__
from reverser.config import Config
from reverser.errors import StalledError, TransientError
from reverser.health import Health
from reverser.http.probes import Probes, on_loopback
from reverser.http.server import serve
from reverser.journal.data_directory import lock
from reverser.journal.sqlite import open_journal
from reverser.metrics import Metrics
from reverser.model.condition import Withheld
from reverser.model.journal import Journal

log = structlog.get_logger()


def log_startup(config: Config) -> None:
    """As configured: what a kubeconfig holds is not shown."""
    log.info("reverser starts", version=__version__, data_dir=config.data_dir)
    for cluster in config.clusters:
        rules = [rule.name for rule in config.rules if rule.cluster == cluster.name]
        kubeconfig = cluster.kubeconfig or "in-cluster or default"
        log.info(
            "observing cluster",
            cluster=cluster.name,
            kubeconfig=kubeconfig,
            context=cluster.context,
            rules=rules,
        )
    for destination in config.destinations:
        log.info(
            "writing to destination",
            destination=destination.name,
            url=destination.url,
            branch=destination.branch,
            path=destination.path or "/",
        )


async def answering_probes(
    config: Config, health: Health, metrics: Metrics, share_digest_key: Callable[[], Awaitable[None]]
) -> None:
    """Answer probes while the key of all replicas is waited for: else the pod is ended again and again."""
    if config.leader is None:
        return
    bind = config.operations.bind
    probes = Probes(health, metrics, trio.lowlevel.checkpoint, names=on_loopback(bind))
    async with trio.open_nursery() as nursery:
        await nursery.start(serve, probes, bind, "operations.bind")
        await share_digest_key()
        nursery.cancel_scope.cancel()


async def withheld(journal: Journal) -> Sequence[Withheld]:
    """For the probes; a journal that cannot be read is a condition already."""
    try:
        return await journal.withheld()
    except (TransientError, StalledError):
        return ()


@asynccontextmanager
async def opened_journal(
    config: Config, before: Callable[[], Awaitable[None]] | None = None
) -> AsyncIterator[Journal]:
    """The journal of the data directory, which nobody else may use meanwhile.

    `before` is called once the directory is ours, and before the journal is opened.
    """
    folder = Path(config.data_dir)
    with lock(folder):
        if before is not None:
            await before()
        async with open_journal(folder) as journal:
            yield journal
