"""The listeners that API servers call: admission and audit, each below its own path."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import structlog
import trio

from reverser.attribution.fact_store import FactStore
from reverser.certs.secret_store import cert_secret
from reverser.certs.secret_sync import CertificateSync
from reverser.certs.self_managed import FOLDER, SelfManaged
from reverser.certs.tls_context import open_tls
from reverser.config import Config
from reverser.http.asgi import Receive, Scope, Send, answer
from reverser.http.server import serve
from reverser.kube.type_catalog import TypeCatalog
from reverser.metrics import Metrics
from reverser.webhook import admission_endpoint, audit_endpoint
from reverser.webhook.address import ADMISSION_PATH, AUDIT_PATH
from reverser.webhook.path_secret import PathSecretGuard, path_secret

log = structlog.get_logger()


class Router:
    """The ASGI application of one listener."""

    def __init__(self, applications: Mapping[str, Any]) -> None:
        self._applications = applications

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        first = "/".join(scope["path"].split("/", 2)[:2])  # `*` and `host:port` are targets, too
        application = self._applications.get(first)
        if application is None:
            await answer(send, 404, f"not found; there is {', '.join(self._applications)}\n".encode())
        else:
            await application(scope, receive, send)


class WebhookEndpoints:
    """The two applications, and the metrics of their calls."""

    def __init__(
        self, config: Config, digest_key: bytes, facts: FactStore, catalog: TypeCatalog, metrics: Metrics
    ) -> None:
        assert config.webhook is not None
        self._metrics = metrics
        clusters = [cluster.name for cluster in config.clusters]
        self.admission = admission_endpoint.AdmissionEndpoint(
            facts.add,
            catalog,
            digest_key,
            clusters,
            observe=self._observe_review,
            max_bytes=config.webhook.max_body_bytes,
        )
        self.audit = audit_endpoint.AuditEndpoint(
            facts.add_durable,
            catalog,
            clusters,
            observe=self._observe_events,
            max_bytes=config.audit.max_body_bytes,
        )

    def _observe_review(self, result: str, seconds: float) -> None:
        self._metrics.count("admission_reviews", result=result)
        self._metrics.observe("admission_seconds", seconds)

    def _observe_events(self, result: str, count: int) -> None:
        self._metrics.count("audit_events", count, result=result)


async def listen(
    config: Config,
    webhooks: WebhookEndpoints,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve until cancelled; starts when it listens. Raises ConfigError or StalledError."""
    assert config.webhook is not None
    folder = Path(config.data_dir) / FOLDER
    secret = await trio.to_thread.run_sync(path_secret, config.webhook.path_secret)
    where = cert_secret(config)
    certificate_sync = (
        CertificateSync(where, SelfManaged(folder, config.webhook.tls.names)) if where else None
    )
    if certificate_sync is not None:
        await certificate_sync.start()
    tls = await trio.to_thread.run_sync(open_tls, config.webhook.tls, folder)
    shared: dict[str, Any] = {ADMISSION_PATH: webhooks.admission}
    own: dict[str, Any] = {AUDIT_PATH: webhooks.audit}
    async with trio.open_nursery() as nursery:
        nursery.start_soon(tls.watch)
        if certificate_sync is not None:
            nursery.start_soon(certificate_sync.keep)
        listeners = [("webhook.bind", config.webhook.bind, shared if config.audit.bind else shared | own)]
        if config.audit.bind:
            listeners.append(("audit.bind", config.audit.bind, own))
        for key, bind, applications in listeners:
            router = Router(applications)
            guarded = PathSecretGuard(router, secret) if secret else router
            url = await nursery.start(serve, guarded, bind, key, tls.context)
            log.info("webhooks are served", url=url, paths=[*applications])
        task_status.started()
