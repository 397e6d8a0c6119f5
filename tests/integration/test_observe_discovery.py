"""Discovery and permissions against a scripted API server, old and new."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio

from reverser import unexpected_errors
from reverser.kube.client import Client
from reverser.kube.credentials import load
from reverser.kube.discovery import discover, version
from reverser.kube.errors import ApiError, Garbled
from reverser.kube.permissions import missing
from reverser.model.change import Stream
from reverser.model.resource import ResourceType
from tests.integration.scripted import Request, Scripted, document, groups, status

WIDGETS = ResourceType("example.com", "v1", "widgets", "Widget", namespaced=True, verbs=("list", "watch"))


@pytest.fixture
async def api(nursery: trio.Nursery) -> Scripted:
    server = Scripted()
    await nursery.start(server.serve)
    return server


@pytest.fixture
async def client(api: Scripted, tmp_path: Path) -> AsyncIterator[Client]:
    async with Client.open(await load(str(api.kubeconfig(tmp_path, token="secret")), "")) as opened:
        yield opened


def _resources(group_version: str, *rows: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "APIResourceList", "groupVersion": group_version, "resources": list(rows)}


def _row(name: str, kind: str, *verbs: str) -> dict[str, Any]:
    return {"name": name, "kind": kind, "namespaced": True, "singularName": "", "verbs": list(verbs)}


def _old_server(api: Scripted) -> None:
    """A server without the aggregated form: core, and two groups of which one has two versions."""
    names = {"example.com": ["v1beta1", "v1"], "other.example": ["v1"]}
    listed = [
        {
            "name": name,
            "versions": [{"groupVersion": f"{name}/{v}", "version": v} for v in versions],
            "preferredVersion": {"groupVersion": f"{name}/v1", "version": "v1"},
        }
        for name, versions in names.items()
    ]
    api.script["/api"] = [document({"kind": "APIVersions", "versions": ["v1"]})]
    api.script["/apis"] = [document({"kind": "APIGroupList", "groups": listed})]
    pods = [
        _row("pods", "Pod", "list", "watch"),
        _row("pods/status", "Pod", "get"),
        _row("bindings", "Binding", "create"),
    ]
    api.script["/api/v1"] = [document(_resources("v1", *pods))]
    widgets, gears = _row("widgets", "Widget", "list", "watch"), _row("gears", "Gear", "list", "watch")
    api.script["/apis/example.com/v1"] = [document(_resources("example.com/v1", widgets))]
    api.script["/apis/example.com/v1beta1"] = [document(_resources("example.com/v1beta1", widgets, gears))]
    api.script["/apis/other.example/v1"] = [
        document(_resources("other.example/v1", _row("others", "Other", "list", "watch")))
    ]


def _names(types: tuple[ResourceType, ...]) -> list[str]:
    return [f"{type_.api_version} {type_.resource}" for type_ in types]


async def test_one_request_a_root_is_enough(api: Scripted, client: Client) -> None:
    """The aggregated form is asked for, with the token, and answers for all groups."""
    api.script["/api"] = [document(groups("configmaps"))]
    api.script["/apis"] = [document(groups("widgets.example.com"))]

    found = await discover(client)

    assert _names(found.types) == ["v1 configmaps", "example.com/v1 widgets"]
    assert found.degraded == {}
    assert [request.path for request in api.requests] == ["/api", "/apis"]
    assert {request.headers["authorization"] for request in api.requests} == {"Bearer secret"}


async def test_an_old_server_is_asked_group_by_group(api: Scripted, client: Client) -> None:
    """The preferred version of each type counts; what cannot be watched is left out."""
    _old_server(api)

    found = await discover(client)

    assert _names(found.types) == [
        "v1 pods",
        "example.com/v1 widgets",
        "example.com/v1beta1 gears",
        "other.example/v1 others",
    ]
    assert found.types[0].subresources == ("status",)


async def test_a_group_that_does_not_answer_degrades_alone(api: Scripted, client: Client) -> None:
    """It keeps the types that were known, at the versions that were known."""
    _old_server(api)
    known = (await discover(client)).types
    api.script["/apis/example.com/v1"] = [status(503, "ServiceUnavailable")]

    found = await discover(client, known)

    assert set(found.types) == set(known)
    assert list(found.degraded) == ["example.com"]


async def test_a_stale_version_does_not_move_a_type_to_another(api: Scripted, client: Client) -> None:
    """While the preferred version is stale, a type that is known stays at it."""
    half = groups("widgets.example.com")
    half["items"][0]["versions"][0]["version"] = "v1beta1"
    half["items"][0]["versions"].insert(0, {"version": "v1", "freshness": "Stale", "resources": None})
    api.script["/api"] = [document(groups())]
    api.script["/apis"] = [document(half)]

    found = await discover(client, [WIDGETS])

    assert found.types == (WIDGETS,)
    assert list(found.degraded) == ["example.com"]


async def test_a_server_that_does_not_answer_is_an_error(api: Scripted, client: Client) -> None:
    """No core, no discovery: nothing is concluded from it."""
    with pytest.raises(ApiError):
        await discover(client, [WIDGETS])

    api.script["/api"] = [document(["what?"])]
    with pytest.raises(Garbled):
        await discover(client, [WIDGETS])


async def test_the_version_is_told(api: Scripted, client: Client) -> None:
    """The server's version is shown as the server writes it."""
    api.script["/version"] = [document({"gitVersion": "v1.34.4"})]

    assert await version(client) == "v1.34.4"


async def test_permissions_that_are_missing(api: Scripted, client: Client) -> None:
    """The server itself is asked, for both verbs; a stream with one of them denied is missing."""
    asked = []

    async def review(request: Request) -> None:
        attributes = (await request.body())["spec"]["resourceAttributes"]
        asked.append(attributes)
        denied = attributes["resource"] == "secrets" and attributes["verb"] == "watch"
        await document({"status": {"allowed": not denied}}, 201)(request)

    api.script["/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"] = [review]
    secrets = Stream("c", ResourceType("", "v1", "secrets", "Secret", namespaced=True), "shop")

    found = await missing(client, [secrets, Stream("c", WIDGETS)])

    assert found == [secrets]
    assert {"group": "", "resource": "secrets", "namespace": "shop", "verb": "watch"} in asked
    assert len(asked) == 4


async def test_permissions_without_an_answer_are_an_error(client: Client) -> None:
    """Not to know is not to be denied."""
    with pytest.raises(ApiError):
        await missing(client, [Stream("c", WIDGETS), Stream("c", WIDGETS, "shop")])


ODD_ROWS = [
    5,
    {"resource": 7},
    {"resource": "odd", "verbs": "list"},
    {"resource": "odd", "subresources": [1]},
]


@pytest.mark.parametrize("odd", ODD_ROWS)
async def test_a_type_that_cannot_be_read_leaves_the_others(api: Scripted, client: Client, odd: Any) -> None:
    """All others are served, also of its group, which keeps what was known; the bug is counted."""
    answer = groups("widgets.example.com", "others.other.example")
    known = ResourceType("example.com", "v1", "known", "Known", namespaced=True, verbs=("list", "watch"))
    answer["items"][0]["versions"][0]["resources"].append(odd)
    core = groups("configmaps")
    core["items"][0]["versions"][0]["resources"].insert(0, odd)
    api.script["/api"], api.script["/apis"] = [document(core)], [document(answer)]
    counted = unexpected_errors.counts["discovery"]

    found = await discover(client, [known])

    names = [(type_.group, type_.resource) for type_ in found.types]
    assert sorted(names) == [
        ("", "configmaps"),
        ("example.com", "known"),
        ("example.com", "widgets"),
        ("other.example", "others"),
    ]
    assert sorted(found.degraded) == ["", "example.com"]
    assert unexpected_errors.counts["discovery"] == counted + 2


@pytest.mark.parametrize(
    ("odd", "degraded"),
    [
        ({"metadata": {"name": "example.com"}, "versions": 5}, ["example.com"]),
        ({"metadata": {"name": "example.com"}, "versions": [5]}, ["example.com"]),
        ({"metadata": {"name": "example.com"}, "versions": [{"version": []}]}, ["example.com"]),
        ({"metadata": {"name": 5}, "versions": []}, ["?", "example.com"]),
        ({"versions": []}, ["?", "example.com"]),
        (5, ["?", "example.com"]),
    ],
)
async def test_a_group_that_cannot_be_read_keeps_its_known_types(
    api: Scripted, client: Client, odd: Any, degraded: list[str]
) -> None:
    """Also where not even its name can be read: then any known group that is missing may be the one."""
    answer = groups("others.other.example")
    answer["items"].insert(0, odd)
    api.script["/api"], api.script["/apis"] = [document(groups("configmaps"))], [document(answer)]
    gone = ResourceType("other.example", "v1", "gone", "Gone", namespaced=True, verbs=("list", "watch"))

    found = await discover(client, [WIDGETS, gone])

    names = [(type_.group, type_.resource) for type_ in found.types]
    assert sorted(names) == [("", "configmaps"), ("example.com", "widgets"), ("other.example", "others")]
    assert sorted(found.degraded) == degraded


async def test_an_old_server_with_rows_that_cannot_be_read(api: Scripted, client: Client) -> None:
    """Groups, versions and types that make no sense are left out there, too, and known types stay."""
    _old_server(api)
    known = (await discover(client)).types
    pods = _resources("v1", _row("pods", "Pod", "list", "watch"), {"name": 5})
    api.script["/api/v1"] = [document(pods)]
    listed = [
        {"name": "example.com", "versions": [7, {"version": "v1beta1"}]},
        {"name": "new.example", "versions": 5},
        {"name": 5},
    ]
    api.script["/apis"] = [document({"kind": "APIGroupList", "groups": listed})]

    found = await discover(client, known)

    assert {(type_.group, type_.resource) for type_ in found.types} == {
        (type_.group, type_.resource) for type_ in known
    }
    assert sorted(found.degraded) == ["", "?", "example.com", "new.example", "other.example"]
