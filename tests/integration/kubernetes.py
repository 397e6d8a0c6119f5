"""A Kubernetes API seen through a plain HTTP client, and objects to give to it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import trio

AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
FINALIZER = "example.com/wait"
VERBS = {"create", "delete", "get", "list", "patch", "update", "watch"}

STREAMING = {
    "sendInitialEvents": "true",
    "resourceVersionMatch": "NotOlderThan",
    "allowWatchBookmarks": "true",
}

Object = dict[str, Any]
_numbers = itertools.count(1)


class Api:
    """An API server, seen through a plain HTTP client, and a namespace that nobody else uses."""

    def __init__(self, client: httpx.AsyncClient, namespace: str) -> None:
        self.client = client
        self.namespace = namespace
        self.configmaps = f"/api/v1/namespaces/{namespace}/configmaps"
        self.deployments = f"/apis/apps/v1/namespaces/{namespace}/deployments"

    async def ask(self, method: str, path: str, body: Any = None, expect: int = 0, **options: Any) -> Object:
        """One request; its JSON. `expect` is the status it must have, by default any success."""
        if body is not None:
            options["content"] = json.dumps(body)
            options["headers"] = {"content-type": "application/json", **options.get("headers", {})}
        response = await self.client.request(method, path, **options)
        assert response.status_code == expect if expect else response.is_success, response.text
        return response.json()

    async def get(self, path: str, expect: int = 0, **parameters: Any) -> Object:
        return await self.ask("GET", path, expect=expect, params=parameters)

    async def create(self, path: str, obj: Object, expect: int = 201, **parameters: Any) -> Object:
        return await self.ask("POST", path, obj, expect, params=parameters)

    async def put(self, path: str, obj: Object, expect: int = 200, **parameters: Any) -> Object:
        return await self.ask("PUT", path, obj, expect, params=parameters)

    async def patch(
        self, path: str, patch: Object, kind: str = MERGE, expect: int = 0, **parameters: Any
    ) -> Object:
        headers = {"content-type": kind}
        return await self.ask("PATCH", path, patch, expect, params=parameters, headers=headers)

    async def delete(self, path: str, expect: int = 200, **parameters: Any) -> Object:
        return await self.ask("DELETE", path, expect=expect, params=parameters)

    async def position(self, path: str, **parameters: Any) -> str:
        """The resourceVersion of a list made now."""
        return version_of(await self.get(path, **parameters))

    async def watch(self, path: str, until: Callable[[list[Object]], Any], **parameters: Any) -> list[Object]:
        """Events in order, up to the one that makes `until` true or to the end of the stream."""
        events: list[Object] = []
        rest, done = b"", False
        # The stream is left by cancellation, which unwinds httpx's nested generators; leaving the
        # loop would abandon them.
        with trio.fail_after(30), trio.CancelScope() as enough:
            parameters = {"watch": "true", **parameters}
            async with self.client.stream("GET", path, params=parameters, timeout=None) as response:
                assert response.status_code == 200, await response.aread()
                async for piece in response.aiter_raw():
                    *lines, rest = (rest + piece).split(b"\n")
                    for line in () if done else lines:
                        events.append(json.loads(line))
                        if until(events):
                            done = True
                            enough.cancel()
                            break
        return events

    async def watch_while(
        self,
        path: str,
        act: Callable[[], Awaitable[Any]],
        until: Callable[[list[Object]], Any],
        known: int,
        **parameters: Any,
    ) -> list[Object]:
        """As `watch`, and run `act` when the first `known` events are here: the watch runs by then."""
        begun = trio.Event()
        events: list[Object] = []

        def noticed(events: list[Object]) -> Any:
            if len(events) == known:
                begun.set()
            return until(events)

        async def follow() -> None:
            events.extend(await self.watch(path, noticed, **parameters))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(follow)
            with trio.fail_after(30):
                await begun.wait()
            await act()
        return events

    async def settled(self, condition: Callable[[], Any]) -> Any:
        """Poll until an asynchronous condition gives something true."""
        with trio.fail_after(30):
            while not (found := await condition()):
                await trio.sleep(0.05)
        return found

    async def define(self, *versions: str, **spec: Any) -> tuple[str, str]:
        """Create a definition and wait until its objects can be listed; (plural, group)."""
        plural, group = f"gadgets{next(_numbers)}", f"{self.namespace}.example.com"
        await self.create(DEFINITIONS, definition(plural, group, versions or ("v1",), **spec))

        async def served() -> bool:
            response = await self.client.get(f"/apis/{group}/{(versions or ('v1',))[-1]}/{plural}")
            return response.status_code == 200

        await self.settled(served)
        return plural, group


DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def definition(plural: str, group: str, versions: tuple[str, ...]) -> Object:
    """A namespaced type that takes any content; the first version is stored."""
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": plural.capitalize(), "shortNames": [plural[:2] + plural[-1]]},
            "versions": [
                {
                    "name": name,
                    "served": True,
                    "storage": name == versions[0],
                    "schema": schema,
                    "subresources": {"status": {}},
                }
                for name in versions
            ],
        },
    }


def configmap(name: str, value: str = "1", **metadata: Any) -> Object:
    """A ConfigMap."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, **metadata},
        "data": {"value": value},
    }


def deployment(name: str, replicas: int = 0) -> Object:
    """A Deployment that starts nothing by itself."""
    labels = {"app": name}
    containers = [{"name": "web", "image": "web:1"}, {"name": "log", "image": "log:1"}]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "paused": True,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        },
    }


def version_of(document: Object) -> str:
    """An object's or a list's resourceVersion."""
    return str(document["metadata"]["resourceVersion"])


def names(documents: list[Object]) -> list[str]:
    """Names of objects, in order."""
    return [document["metadata"]["name"] for document in documents]


def told(events: list[Object]) -> list[tuple[str, str]]:
    """(type, name) of each event."""
    return [(event["type"], event["object"]["metadata"].get("name", "")) for event in events]


def last_deleted(name: str) -> Callable[[list[Object]], bool]:
    """Whether the newest event is the deletion of this object."""
    return lambda events: told(events)[-1] == ("DELETED", name)


def ended(_: list[Object]) -> bool:
    """Never: read to the end of the stream."""
    return False


def managers(obj: Object) -> dict[str, Object]:
    """managedFields by manager."""
    return {entry["manager"]: entry for entry in obj["metadata"]["managedFields"]}


def named(name: str, **fields: Any) -> Object:
    """An object without a kind."""
    return {"metadata": {"name": name}, **fields}
