"""Webhook registrations on an API server: put there, kept up to date, taken away.

Server-side apply, so that what others set (labels, cert-manager's caBundle where we name none) stays
theirs. The bundle that a running daemon keeps up to date has a field manager of its own: an apply
under the name of `install` would take away every field that it does not repeat.
"""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote

import httpx
import msgspec

from reverser.kube.client import REQUEST_SECONDS, Client, Params, _decoded, _timeout
from reverser.kube.errors import NotFound
from reverser.kube.translation import translated
from reverser.stages.registration import KEPT, WEBHOOK

COLLECTION = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
MANAGER = "reverser"
BUNDLE_MANAGER = "reverser-ca"
APPLY = "application/apply-patch+yaml"


async def install(client: Client, registration: dict[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
    """Apply a registration; what the API server made of it. Raises TransientError."""
    return await _apply(client, registration, MANAGER, dry_run=dry_run)


async def uninstall(client: Client, name: str) -> bool:
    """Take a registration away; whether it was there. Raises TransientError."""
    try:
        await _send(client, "DELETE", _path(name))
    except NotFound:
        return False
    return True


async def keep_bundle(client: Client, name: str, ca_bundle: bytes) -> bool:
    """Bring the bundle of a self-managed authority up to date; whether it was not.

    A registration that is not there, or was not made for it, is left alone. Raises TransientError.
    """
    try:
        found = await client.get(_path(name), into=dict)
    except NotFound:
        return False
    bundle = base64.b64encode(ca_bundle).decode()
    told = [each["clientConfig"].get("caBundle") for each in _ours(found)]
    if KEPT not in (found["metadata"].get("annotations") or {}) or all(each == bundle for each in told):
        return False
    await _apply(client, _with_bundle(found, bundle), BUNDLE_MANAGER)
    return True


def _ours(found: dict[str, Any]) -> list[dict[str, Any]]:
    return [each for each in found.get("webhooks") or () if each["name"] == WEBHOOK]


def _with_bundle(found: dict[str, Any], bundle: str) -> dict[str, Any]:
    return {
        "apiVersion": found["apiVersion"],
        "kind": found["kind"],
        # With the uid, a registration that was removed meanwhile is not made anew.
        "metadata": {"name": found["metadata"]["name"], "uid": found["metadata"]["uid"]},
        "webhooks": [{"name": WEBHOOK, "clientConfig": {"caBundle": bundle}}],
    }


async def _apply(
    client: Client, document: dict[str, Any], manager: str, *, dry_run: bool = False
) -> dict[str, Any]:
    params = {"fieldManager": manager, "force": "true"} | ({"dryRun": "All"} if dry_run else {})
    answer = await _send(client, "PATCH", _path(document["metadata"]["name"]), document, params)
    return dict(answer)


async def _send(
    client: Client, method: str, path: str, body: Any = None, params: Params | None = None
) -> Any:
    content = None if body is None else msgspec.json.encode(body)
    headers = {"Content-Type": APPLY} if body is not None else {}
    http: httpx.AsyncClient = client._http
    with translated():
        response = await http.request(
            method,
            path,
            params=params,
            content=content,
            headers=headers,
            timeout=_timeout(REQUEST_SECONDS),
            extensions=client._extensions,
        )
    return _decoded(response, Any)


def _path(name: str) -> str:
    return f"{COLLECTION}/{quote(name, safe='')}"
