"""The users of the sandbox: contexts of its kubeconfig, and who a webhook is told has asked."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from reverser.kube.client import Client
from reverser.kube.credentials import load
from reverser.sandbox import Sandbox
from tests.integration.kubernetes import Api, configmap
from tests.integration.webhooks import register_webhook

USERS = {
    "": "admin",
    "admin": "admin",
    "alice": "alice",
    "bob": "bob",
    "ci": "system:serviceaccount:shop:ci",
}


async def test_each_context_is_a_user(tmp_path: Path) -> None:
    """Who writes with a context of the kubeconfig is told to webhooks by that user's name and groups."""
    async with Sandbox.open() as sandbox, httpx.AsyncClient(base_url=sandbox.url) as http:
        api, path = Api(http, "default"), sandbox.kubeconfig(tmp_path / "kubeconfig")
        async with register_webhook(api, tmp_path / "webhook") as webhook:
            for context in USERS:
                async with Client.open(await load(str(path), context)) as client:
                    await client.send("POST", api.configmaps, configmap(f"by-{context or 'default'}"))

        found = {request["name"]: request["userInfo"] for request in webhook.requests}
    assert {name: user["username"] for name, user in found.items()} == {
        f"by-{context or 'default'}": user for context, user in USERS.items()
    }
    assert "system:serviceaccounts:shop" in found["by-ci"]["groups"]
    assert all("system:authenticated" in user["groups"] for user in found.values())


@pytest.mark.parametrize("path", ["/as/eve/api", "/as/", "/as"])
async def test_a_user_whom_nobody_knows(path: str) -> None:
    """An address that is no user's is refused, and nobody stands in for them."""
    async with Sandbox.open() as sandbox, httpx.AsyncClient(base_url=sandbox.url) as http:
        assert (await http.get(path)).status_code == 404
