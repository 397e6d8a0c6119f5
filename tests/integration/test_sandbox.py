"""What the sandbox does beyond what it shares with a real API server: frequent bookmarks, its Python side."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
import trio

from reverser.sandbox import Refusal, Sandbox
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


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "says"),
    [
        ("POST", f"{CONFIGMAPS}?dryRun=All", {}, 400, "no dry run"),
        ("DELETE", CONFIGMAPS, {}, 405, "not allow"),
        ("GET", "/apis", {}, 406, "aggregated discovery only"),
    ],
)
async def test_what_it_cannot_do(
    api: Api, method: str, path: str, headers: dict[str, str], status: int, says: str
) -> None:
    """What the sandbox has not is refused with a reason, and never done by half."""
    response = await api.client.request(method, path, headers=headers, content=b"{}")

    assert response.status_code == status
    assert says in response.json()["message"]
