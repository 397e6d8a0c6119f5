"""Webhook registrations on an API server: put there, kept up to date, taken away.

Server-side apply, so that what others set (labels, cert-manager's caBundle where we name none) stays
theirs. The bundle that a running daemon keeps up to date has a field manager of its own: an apply
under the name of `install` would take away every field that it does not repeat.
"""

from __future__ import annotations

import base64
import re
from typing import Any
from urllib.parse import quote

from reverser.kube.client import Client
from reverser.kube.errors import NotFound
from reverser.webhook.registration import KEEP_BUNDLE, WEBHOOK

COLLECTION = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
MANAGER = "reverser"
BUNDLE_MANAGER = "reverser-ca"
APPLY = "application/apply-patch+yaml"
CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----[^-]++-----END CERTIFICATE-----")


async def install(client: Client, registration: dict[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
    """Apply a registration; what the API server made of it. Raises TransientError."""
    return await _apply(client, registration, MANAGER, dry_run=dry_run)


async def uninstall(client: Client, name: str) -> bool:
    """Take a registration away; whether it was there. Raises TransientError."""
    try:
        await client.send("DELETE", _path(name))
    except NotFound:
        return False
    return True


async def keep_bundles(client: Client, ca_bundle: bytes) -> list[str]:
    """Bring registrations of a self-managed authority up to date; the names of those that were not.

    Those are ours that were installed to be kept, and that trust an authority of the bundle already:
    a renewed one stands there beside the old. Who trusts another authority was made by somebody
    else, and is left alone. Raises TransientError.
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
        # With the uid, a registration that was removed meanwhile is not made anew.
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
