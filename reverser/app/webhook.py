"""The listener that API servers call, and what it remembers of their calls.

It outlives sessions, as facts do: a change of the configuration forgets nobody.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import structlog
import trio

from reverser.config import Webhook
from reverser.http.asgi import Receive, Scope, Send, answer
from reverser.http.certificates import FOLDER
from reverser.http.server import serve
from reverser.http.tls import open_tls
from reverser.intake.attributor import Attributor
from reverser.metrics import Metrics
from reverser.model.fact import Fact
from reverser.model.ports import Journal
from reverser.stages.attribute import Facts

log = structlog.get_logger()

KEPT = "evidence"
"""Under this name the journal keeps, over a restart, facts whose change was not seen yet."""


class Witnesses:
    """The facts of all clusters, and the attributor that joins them with changes."""

    def __init__(self, journal: Journal, metrics: Metrics) -> None:
        self._journal = journal
        self._metrics = metrics
        self._facts = Facts()
        self.attributor = Attributor(self._facts, journal.key, metrics, time.time)

    def take(self, fact: Fact) -> None:
        """Remember a fact."""
        if self._facts.add(fact, time.time()):
            self._metrics.count("facts_received", cluster=fact.cluster, source=fact.source.value)

    async def recall(self) -> None:
        """Take back what the last process kept. It is good for one start only."""
        text = await self._journal.fact(KEPT)
        if text:
            self._facts.seed(msgspec.json.decode(text, type=list[Fact]), time.time())
            await self._journal.set_fact(KEPT, "")

    async def keep(self) -> None:
        """Leave to the next process what may still be joined."""
        facts = self._facts.export(self.attributor.sightings.versions())
        await self._journal.set_fact(KEPT, msgspec.json.encode(facts).decode())


class Router:
    """The ASGI application of the listener: each webhook below its own path."""

    def __init__(self, applications: Mapping[str, Any]) -> None:
        self._applications = applications

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        application = self._applications.get("/" + scope["path"].split("/")[1])
        if application is None:
            await answer(send, 404, f"not found; there is {', '.join(self._applications)}\n".encode())
        else:
            await application(scope, receive, send)


async def listen(
    webhook: Webhook,
    data_dir: Path,
    applications: Mapping[str, Any],
    *,
    task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled; starts with the listener's URL. Raises ConfigError or StalledError."""
    tls = await trio.to_thread.run_sync(open_tls, webhook.tls, data_dir / FOLDER)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(tls.watch)
        url = await nursery.start(serve, Router(applications), webhook.bind, "webhook.bind", tls.context)
        log.info("webhooks at", url=url, paths=list(applications))
        task_status.started(url)
