"""Webhook registrations on an API server: applied, removed, and kept up to date by a running daemon.

They are written by server-side apply, so that fields which others set stay theirs: labels, or the caBundle of
cert-manager where we name none. The daemon updates the bundle under a field manager of its own: an apply
under the name of `install` would remove every field that it does not repeat.

With a self-managed certificate the bundle follows the authority. A renewed authority stands beside the old
one in the bundle long before it signs anything, so an API server that cannot be reached is asked again later.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote

import structlog
import trio

from reverser.config import Cluster
from reverser.errors import ReverserError
from reverser.kube import credentials
from reverser.kube.client import Client
from reverser.kube.errors import NotFound
from reverser.webhook.registration import KEEP_BUNDLE, WEBHOOK

log = structlog.get_logger()

COLLECTION = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
MANAGER = "reverser"
BUNDLE_MANAGER = "reverser-ca"
EVERY_SECONDS = 600.0
"""Between two looks at the registrations; a renewed authority signs nothing for years."""
APPLY = "application/apply-patch+yaml"
CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----[^-]++-----END CERTIFICATE-----")


async def install(client: Client, registration: dict[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
    """Apply a registration and return it as the API server has it. Raises TransientError."""
    return await _apply(client, registration, MANAGER, dry_run=dry_run)


async def uninstall(client: Client, name: str) -> bool:
    """Remove a registration; whether there was one. Raises TransientError."""
    try:
        await client.send("DELETE", _path(name))
    except NotFound:
        return False
    return True


async def update_bundles(client: Client, ca_bundle: bytes) -> list[str]:
    """Put the bundle into each registration that trusts an older one; the names of those that changed.

    Only a registration that is marked with `KEEP_BUNDLE` is changed, and only if it trusts an authority of
    the bundle already. One that trusts another authority belongs to somebody else. Raises TransientError.
    """
    registrations = await client.get(COLLECTION, into=dict)
    changed = []
    for registration in registrations.get("items") or ():
        if KEEP_BUNDLE in (registration["metadata"].get("annotations") or {}) and _outdated(
            registration, ca_bundle
        ):
            await _apply(client, _with_bundle(registration, ca_bundle), BUNDLE_MANAGER)
            changed.append(str(registration["metadata"]["name"]))
    return changed


def _outdated(registration: dict[str, Any], ca_bundle: bytes) -> bool:
    ours = [each for each in registration.get("webhooks") or () if each["name"] == WEBHOOK]
    bundles = [base64.b64decode(each["clientConfig"].get("caBundle") or "") for each in ours]
    trusted = set(CERTIFICATE.findall(ca_bundle))
    return any(bundle != ca_bundle and trusted & set(CERTIFICATE.findall(bundle)) for bundle in bundles)


def _with_bundle(registration: dict[str, Any], ca_bundle: bytes) -> dict[str, Any]:
    bundle = base64.b64encode(ca_bundle).decode()
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        # With the uid, a registration that was removed meanwhile is not created again.
        "metadata": {"name": registration["metadata"]["name"], "uid": registration["metadata"]["uid"]},
        "webhooks": [{"name": WEBHOOK, "clientConfig": {"caBundle": bundle}}],
    }


async def _apply(
    client: Client, document: dict[str, Any], manager: str, *, dry_run: bool = False
) -> dict[str, Any]:
    params = {"fieldManager": manager, "force": "true"} | ({"dryRun": "All"} if dry_run else {})
    path = _path(document["metadata"]["name"])
    return dict(await client.send("PATCH", path, document, params=params, media_type=APPLY))


def _path(name: str) -> str:
    return f"{COLLECTION}/{quote(name, safe='')}"


async def keep_bundles(
    clusters: Sequence[Cluster], bundle: Callable[[], bytes], every_seconds: float = EVERY_SECONDS
) -> None:
    """Keep the registrations of all clusters up to date, until cancelled; the same error is logged once."""
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
        return await update_bundles(client, bundle)
