"""Webhook registrations on an API server, applied and removed.

They are written by server-side apply, so that fields which others set stay theirs: labels, or the caBundle of
cert-manager where we name none. What a running daemon changes in them is in `upkeep`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from reverser.kube.client import Client
from reverser.kube.errors import NotFound

COLLECTION = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
MANAGER = "reverser"
APPLY = "application/apply-patch+yaml"


async def install(client: Client, registration: dict[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
    """Apply a registration and return it as the API server has it. Raises TransientError."""
    return await apply(client, registration, MANAGER, dry_run=dry_run)


async def uninstall(client: Client, name: str) -> bool:
    """Remove a registration; whether there was one. Raises TransientError."""
    try:
        await client.send("DELETE", _path(name))
    except NotFound:
        return False
    return True


async def apply(
    client: Client, document: dict[str, Any], manager: str, *, dry_run: bool = False
) -> dict[str, Any]:
    """Apply a document under a field manager and return what came of it. Raises TransientError."""
    params = {"fieldManager": manager, "force": "true"} | ({"dryRun": "All"} if dry_run else {})
    path = _path(document["metadata"]["name"])
    return dict(await client.send("PATCH", path, document, params=params, media_type=APPLY))


def _path(name: str) -> str:
    return f"{COLLECTION}/{quote(name, safe='')}"
