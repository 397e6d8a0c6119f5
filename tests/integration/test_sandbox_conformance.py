"""The sandbox passes what a real API server passes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from reverser.sandbox import Sandbox
from tests.integration import conformance
from tests.integration.kubernetes import Api
from tests.integration.webhooks import RegisteredWebhook, register_webhook

TestAdmission = conformance.Admission
TestCustomResources = conformance.CustomResources
TestDeletions = conformance.Deletions
TestDiscovery = conformance.Discovery
TestLists = conformance.Lists
TestWatches = conformance.Watches
TestWrites = conformance.Writes


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """A sandbox of its own for each test."""
    async with Sandbox.open() as sandbox, httpx.AsyncClient(base_url=sandbox.url) as client:
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}
        await sandbox.apply(namespace)
        yield Api(client, "shop")


@pytest.fixture
async def webhook(api: Api, tmp_path: Path) -> AsyncIterator[RegisteredWebhook]:
    """A webhook that is registered there."""
    async with register_webhook(api, tmp_path / "webhook") as webhook:
        yield webhook
