"""The sandbox goes wrong exactly as ordered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import trio

from reverser.kube.client import Client
from reverser.kube.credentials import load
from reverser.sandbox import (
    Answer,
    CleanClose,
    ExpiredInStream,
    Fault,
    HalfLine,
    Match,
    Refusal,
    Sandbox,
    Silence,
    Vanished,
)
from tests.integration.kubernetes import AGGREGATED, Api, configmap, deployment, ended, last_deleted, told

CONFIGMAPS = "/api/v1/namespaces/default/configmaps"
WATCH = Match(verb="watch", resource="configmaps")


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


@pytest.mark.parametrize("status", [403, 410, 429, 500, 503])
async def test_status(sandbox: Sandbox, api: Api, status: int) -> None:
    """An ordered status is answered as often as ordered, with a Status document and headers."""
    sandbox.faults.add(Match(resource="configmaps"), Answer(status, {"retry-after": "2"}), times=1)

    response = await api.client.get(CONFIGMAPS)

    assert (response.status_code, response.json()["code"]) == (status, status)
    assert response.headers["retry-after"] == "2"
    assert (await api.client.get(CONFIGMAPS)).status_code == 200


async def test_group_is_unavailable(sandbox: Sandbox, api: Api) -> None:
    """A fault of a group covers its objects and its documents, and nothing else, until it is removed."""
    rule = sandbox.faults.add(Match(group="apps"), Answer(503))

    for path, status in (("/apis/apps/v1", 503), (api.deployments, 503), ("/apis/batch/v1", 200)):
        assert (await api.client.get(path)).status_code == status
    sandbox.faults.remove(rule)
    assert (await api.client.get("/apis/apps/v1")).status_code == 200


async def test_path_fails(sandbox: Sandbox, api: Api) -> None:
    """A fault can be bound to paths that are about no object, discovery for example."""
    sandbox.faults.add(Match(path="/apis"), Answer(500), times=1)

    assert (await api.client.get("/api")).status_code == 200
    assert (await api.client.get("/apis")).status_code == 500


async def test_group_vanishes(sandbox: Sandbox, api: Api) -> None:
    """A vanished group is missing from discovery and its paths are not found; then it is back."""

    async def groups() -> set[str]:
        document = (await api.client.get("/apis", headers={"accept": AGGREGATED})).json()
        return {group["metadata"]["name"] for group in document["items"]}

    rule = sandbox.faults.add(Match(group="apps"), Vanished())
    assert "apps" not in await groups()
    assert (await api.client.get(api.deployments)).status_code == 404
    sandbox.faults.remove(rule)

    assert "apps" in await groups()


async def test_forbidden_type_is_reviewed(sandbox: Sandbox, api: Api) -> None:
    """An access review tells of an ordered 403, without using it up."""
    sandbox.faults.add(Match(resource="secrets"), Answer(403), times=1)

    async def allowed(resource: str) -> bool:
        spec = {"resourceAttributes": {"verb": "list", "resource": resource}}
        path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
        return (await api.create(path, {"spec": spec}))["status"]["allowed"]

    assert not await allowed("secrets")
    assert await allowed("configmaps")
    assert (await api.client.get("/api/v1/secrets")).status_code == 403


async def test_expired_in_stream(sandbox: Sandbox, api: Api) -> None:
    """410 can come as the ERROR event of a stream that was answered 200."""
    sandbox.faults.add(WATCH, ExpiredInStream(), times=1)

    [event] = await api.watch(CONFIGMAPS, ended)

    assert (event["type"], event["object"]["code"]) == ("ERROR", 410)


async def test_half_a_line(sandbox: Sandbox, api: Api) -> None:
    """A stream can break in the middle of a line."""
    sandbox.faults.add(WATCH, HalfLine(), times=1)

    with pytest.raises(httpx.RemoteProtocolError):
        await api.client.get(CONFIGMAPS, params={"watch": "true"})


async def test_clean_close(sandbox: Sandbox, api: Api) -> None:
    """A stream can end at once without an error."""
    sandbox.faults.add(WATCH, CleanClose(), times=1)

    assert await api.watch(CONFIGMAPS, ended) == []


@pytest.mark.parametrize("head", [True, False])
async def test_silence(sandbox: Sandbox, api: Api, head: bool) -> None:
    """A silent server accepts the request and sends nothing, with or without a head."""
    sandbox.faults.add(WATCH, Silence(head), times=1)

    with pytest.raises(httpx.ReadTimeout):
        await api.client.get(CONFIGMAPS, params={"watch": "true"}, timeout=0.2)


@pytest.mark.parametrize(
    ("fault", "last"), [(ExpiredInStream(), "ERROR"), (CleanClose(), "ADDED"), (Answer(500), "ERROR")]
)
async def test_running_watch_is_interrupted(sandbox: Sandbox, api: Api, fault: Fault, last: str) -> None:
    """A fault can take over watches that run already."""
    await sandbox.apply(configmap("a"))

    async def interrupt() -> None:
        assert sandbox.interrupt(WATCH, fault) == 1

    events = await api.watch_while(CONFIGMAPS, interrupt, ended, known=1)

    assert events[-1]["type"] == last


async def test_compaction(sandbox: Sandbox, api: Api) -> None:
    """After a compaction older positions and open pages are expired; running watches go on."""
    for name in "ab":
        await sandbox.apply(configmap(name))
    page = await api.get(CONFIGMAPS, limit=1)

    async def act() -> None:
        await sandbox.delete("v1", "ConfigMap", "a", "default")
        sandbox.compact()

    events = await api.watch_while(CONFIGMAPS, act, last_deleted("a"), known=2)
    [error] = await api.watch(CONFIGMAPS, ended, resourceVersion=page["metadata"]["resourceVersion"])

    assert told(events) == [("ADDED", "a"), ("ADDED", "b"), ("DELETED", "a")]
    assert error["object"]["code"] == 410
    await api.get(CONFIGMAPS, expect=410, limit=1, **{"continue": page["metadata"]["continue"]})


async def test_history_is_bounded() -> None:
    """A history that grows beyond its limit forgets its beginning."""
    async with (
        Sandbox.open(history_limit=10) as sandbox,
        httpx.AsyncClient(base_url=sandbox.url) as client,
    ):
        api = Api(client, "default")
        position = await api.position(CONFIGMAPS)
        for number in range(20):
            await sandbox.apply(configmap("a", str(number)))

        [error] = await api.watch(CONFIGMAPS, ended, resourceVersion=position)

    assert error["object"]["code"] == 410


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
    assert seen in sandbox.objects()
    assert [entry["manager"] for entry in seen["metadata"]["managedFields"]] == [
        "kubectl-edit",
        "kubectl-scale",
        "controller",
    ]
    await sandbox.delete("apps/v1", "Deployment", "web", "default")
    assert await sandbox.get("apps/v1", "Deployment", "web", "default") is None
    with pytest.raises(Refusal):
        await sandbox.delete("apps/v1", "Deployment", "web", "default")


async def test_kubeconfig(sandbox: Sandbox, tmp_path: Path) -> None:
    """The kubeconfig leads the product's own client here."""
    path = sandbox.kubeconfig(tmp_path / "kubeconfig")

    async with Client.open(await load(str(path), "")) as client:
        version = await client.get("/version")

    assert version["major"] == "1"
