"""A running daemon completes the registrations that call it, and keeps them up to date.

A registration that is shipped with an installation trusts nobody yet: the daemon fills in its own authority.
A renewed authority stands beside the old one in the bundle long before it signs anything, so an API server
that cannot be reached is asked again later. Only a registration that is marked with `KEEP_BUNDLE` is given a
bundle. One that trusts somebody else belongs to somebody else.

The Namespace of the Service that is called becomes the registration's owner: who deletes the Namespace
deletes the registration with it. No namespaced object can own one without a namespace, and a ClusterRole,
which could, stays behind when a Namespace is deleted.

All is written under a field manager of its own, each time as a whole: an apply removes what it does not
repeat.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import structlog
import trio

from reverser.certs.self_managed import FOLDER, SelfManaged
from reverser.config import Cluster, Config
from reverser.errors import ReverserError
from reverser.kube import credentials
from reverser.kube.client import Client
from reverser.kube.credentials import own_namespace
from reverser.kube.errors import Forbidden, NotFound
from reverser.kube.lists import METADATA_OF_OBJECT
from reverser.webhook.install import COLLECTION, apply
from reverser.webhook.registration import KEEP_BUNDLE, WEBHOOK

log = structlog.get_logger()

MANAGER = "reverser-ca"
EVERY_SECONDS = 60.0
"""Between two looks at the registrations: one that was deleted and created again works within a minute."""
CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----[^-]++-----END CERTIFICATE-----")
Owner = dict[str, Any]
"""An owner reference."""


class Listener(msgspec.Struct, frozen=True):
    """What the daemon knows of its own listener."""

    bundle: Callable[[], bytes] | None = None
    """The self-managed authority; None: the certificate comes from elsewhere, and so do bundles."""
    names: Collection[str] = ()
    """What the self-managed certificate is for."""
    namespace: str = ""
    """The pod's own; empty outside of a cluster."""

    def is_called_by(self, webhook: dict[str, Any]) -> bool:
        """Whether a registered webhook calls a Service of ours."""
        service = webhook["clientConfig"].get("service") or {}
        name, namespace = service.get("name"), service.get("namespace")
        return bool(service) and (namespace == self.namespace or f"{name}.{namespace}.svc" in self.names)


def listener(config: Config) -> Listener:
    """The listener that `[webhook]` describes."""
    assert config.webhook is not None
    tls, namespace = config.webhook.tls, own_namespace()
    if tls.mode != "self-managed":
        return Listener(namespace=namespace)
    own = SelfManaged(Path(config.data_dir) / FOLDER, tls.names)
    return Listener(own.ca_bundle, tls.names, namespace)


class Outcome(msgspec.Struct, frozen=True):
    """Names of the registrations that were changed."""

    renewed: tuple[str, ...] = ()
    """Those that trusted an older authority of ours."""
    completed: tuple[str, ...] = ()
    """Those that had no bundle, or no owner."""


def amended(
    registration: dict[str, Any], listener: Listener, ca_bundle: bytes, owner: Owner | None
) -> dict[str, Any] | None:
    """What to apply to a registration; None: nothing has to change."""
    webhook = _ours(registration)
    if webhook is None:
        return None
    held, metadata = _held_bundle(webhook), registration["metadata"]
    keep = KEEP_BUNDLE in (metadata.get("annotations") or {}) and bool(ca_bundle)
    fills = keep and _is_for_us(held, ca_bundle, called=listener.is_called_by(webhook))
    outdated = fills and held != ca_bundle
    if not outdated and (owner is None or owner in _owners(registration)):
        return None
    # With the uid, a registration that was removed meanwhile is not created again.
    identity: dict[str, Any] = {"name": metadata["name"], "uid": metadata["uid"]}
    document: dict[str, Any] = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": identity | ({"ownerReferences": [owner]} if owner else {}),
    }
    if fills:
        trust = {"caBundle": base64.b64encode(ca_bundle).decode()}
        document["webhooks"] = [{"name": WEBHOOK, "clientConfig": trust}]
    return document


def _ours(registration: dict[str, Any]) -> dict[str, Any] | None:
    named = (each for each in registration.get("webhooks") or () if each["name"] == WEBHOOK)
    return next(named, None)


def _held_bundle(webhook: dict[str, Any]) -> bytes:
    return base64.b64decode(webhook["clientConfig"].get("caBundle") or "")


def _is_for_us(held: bytes, ca_bundle: bytes, *, called: bool) -> bool:
    """Whether a bundle is ours to write: it trusts us already, or nobody yet."""
    trusted = set(CERTIFICATE.findall(ca_bundle)) & set(CERTIFICATE.findall(held))
    return bool(trusted) or (called and not held)


def _owners(registration: dict[str, Any]) -> list[Owner]:
    return list(registration["metadata"].get("ownerReferences") or ())


async def update(client: Client, listener: Listener, ca_bundle: bytes) -> Outcome:
    """Complete all registrations that are ours. Raises ReverserError, when all were tried."""
    registrations = (await client.get(COLLECTION, into=dict)).get("items") or ()
    renewed: list[str] = []
    completed: list[str] = []
    failures: list[ReverserError] = []
    for registration in registrations:
        try:
            owner = await _owner(client, listener, registration)
            document = amended(registration, listener, ca_bundle, owner)
            if document is not None:
                await apply(client, document, MANAGER)
        except ReverserError as error:
            failures.append(error)
            continue
        if document is not None:
            webhook = _ours(registration)
            trusts = webhook is not None and _held_bundle(webhook) not in (b"", ca_bundle)
            (renewed if trusts and "webhooks" in document else completed).append(document["metadata"]["name"])
    if failures:
        raise failures[0]
    return Outcome(tuple(renewed), tuple(completed))


async def calling(client: Client, listener: Listener) -> list[str]:
    """Names of the registrations that call a Service of ours. Raises TransientError."""
    registrations = (await client.get(COLLECTION, into=dict)).get("items") or ()
    webhooks = [(str(each["metadata"]["name"]), _ours(each)) for each in registrations]
    return [name for name, webhook in webhooks if webhook is not None and listener.is_called_by(webhook)]


async def _owner(client: Client, listener: Listener, registration: dict[str, Any]) -> Owner | None:
    """The reference to the Namespace that a registration calls; None: to none that we know."""
    webhook = _ours(registration)
    if webhook is None or not listener.is_called_by(webhook):
        return None
    namespace = webhook["clientConfig"]["service"]["namespace"]
    present = [each for each in _owners(registration) if _names(each, namespace)]
    if present:
        return present[0]
    try:
        path = f"/api/v1/namespaces/{quote(namespace, safe='')}"
        document = await client.get(path, accept=METADATA_OF_OBJECT, into=dict)
    except (Forbidden, NotFound):
        return None
    uid = document["metadata"]["uid"]
    return {"apiVersion": "v1", "kind": "Namespace", "name": namespace, "uid": uid}


def _names(owner: Owner, namespace: str) -> bool:
    return (owner.get("kind"), owner.get("name")) == ("Namespace", namespace)


async def keep_registrations(
    clusters: Sequence[Cluster], listener: Listener, every_seconds: float = EVERY_SECONDS
) -> None:
    """Keep the registrations of all clusters up to date, until cancelled; the same error is logged once."""
    reported: dict[str, str] = {}
    while True:
        for cluster in clusters:
            try:
                outcome = await _update(cluster, listener)
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
            _report(cluster.name, outcome)
        await trio.sleep(every_seconds)


def _report(cluster: str, outcome: Outcome) -> None:
    for name in outcome.renewed:
        log.info(
            "webhook registration trusts the renewed certificate authority",
            cluster=cluster,
            registration=name,
        )
    for name in outcome.completed:
        log.info("webhook registration was completed", cluster=cluster, registration=name)


async def _update(cluster: Cluster, listener: Listener) -> Outcome:
    ca_bundle = await trio.to_thread.run_sync(listener.bundle) if listener.bundle else b""
    login = await credentials.load(cluster.kubeconfig, cluster.context)
    async with Client.open(login) as client:
        return await update(client, listener, ca_bundle)
