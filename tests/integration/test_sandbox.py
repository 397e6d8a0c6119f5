"""What the sandbox does beyond what it shares with a real API server: faults, and its Python side."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import trio

from reverser.sandbox import Answer, Match, Refusal, Sandbox
from tests.integration.kubernetes import Api, configmap, deployment

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A sandbox that bookmarks often."""
    async with Sandbox.open(bookmark_seconds=0.05) as sandbox:
        yield sandbox


@pytest.fixture
async def api(sandbox: Sandbox) -> AsyncIterator[Api]:
    """Its HTTP side."""
    async with httpx.AsyncClient(base_url=sandbox.url) as client:
        yield Api(client, "default")


@pytest.mark.parametrize("status", [403, 409, 503])
async def test_a_request_fails_on_order(sandbox: Sandbox, api: Api, status: int) -> None:
    """An ordered status is answered as often as ordered, with a Status document, or until it is removed."""
    sandbox.faults.add(Match(verb="list", resource="configmaps"), Answer(status), times=1)
    rule = sandbox.faults.add(Match(resource="deployments.apps"), Answer(status))

    response = await api.client.get(CONFIGMAPS)
    assert (response.status_code, response.json()["code"]) == (status, status)
    assert (await api.client.get(CONFIGMAPS)).status_code == 200
    for _ in range(2):
        assert (await api.client.get(api.deployments)).status_code == status
    sandbox.faults.remove(rule)
    assert (await api.client.get(api.deployments)).status_code == 200


async def test_bookmarks_while_quiet(sandbox: Sandbox, api: Api) -> None:
    """A quiet watch is told the position again and again, also when only other types change."""
    position = await api.position(CONFIGMAPS)
    latest = await sandbox.apply(deployment("elsewhere"))

    def arrived(events: list[dict]) -> bool:
        return events[-1]["object"]["metadata"]["resourceVersion"] == latest["metadata"]["resourceVersion"]

    events = await api.watch(CONFIGMAPS, arrived, resourceVersion=position, allowWatchBookmarks="true")

    assert {event["type"] for event in events} == {"BOOKMARK"}


async def test_closing_with_a_client_that_does_not_read() -> None:
    """A client that has stopped reading does not keep the sandbox from closing."""
    with trio.fail_after(20):
        async with httpx.AsyncClient(timeout=None) as client:
            async with Sandbox.open() as sandbox:
                for number in range(200):
                    await sandbox.apply(configmap(f"big-{number}", "x" * 100_000))
                request = client.build_request("GET", f"{sandbox.url}{CONFIGMAPS}?watch=true")
                response = await client.send(request, stream=True)
            await response.aclose()


async def test_python_side(sandbox: Sandbox, api: Api) -> None:
    """What is written from Python is what HTTP shows; the writer is named as given."""
    await sandbox.apply(deployment("web"), manager="kubectl-edit")
    await sandbox.apply(deployment("web", replicas=3), manager="kubectl-scale")
    status = {
        "metadata": {"annotations": {"deployment.kubernetes.io/revision": "1"}},
        "status": {"replicas": 3},
    }
    await sandbox.patch(
        "apps/v1", "Deployment", "web", "default", status, manager="controller", subresource="status"
    )

    seen = await api.get(f"{api.deployments}/web")
    assert seen == await sandbox.get("apps/v1", "Deployment", "web", "default")
    assert [entry["manager"] for entry in seen["metadata"]["managedFields"]] == [
        "kubectl-edit",
        "kubectl-scale",
        "controller",
    ]
    await sandbox.delete("apps/v1", "Deployment", "web", "default")
    assert await sandbox.get("apps/v1", "Deployment", "web", "default") is None
    with pytest.raises(Refusal):
        await sandbox.delete("apps/v1", "Deployment", "web", "default")
