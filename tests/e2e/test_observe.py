"""Observing a real API server: every type, types that come and go, positions that expire."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import trio

from reverser.kube.client import Client
from reverser.kube.credentials import load
from reverser.kube.discovery import discover
from reverser.kube.discovery_trigger import DiscoveryTrigger
from reverser.kube.lists import Lists
from reverser.kube.observer import Observer
from reverser.kube.permissions import missing, reading, roles
from reverser.kube.watch import Watch
from reverser.model.change import Stream
from reverser.model.resource import ResourceType
from tests.e2e.servers import ControlPlane
from tests.integration.observing import CONFIG_MAPS, Taken, Told, nowhere, until

CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.observed.example"},
    "spec": {
        "group": "observed.example",
        "names": {"kind": "Widget", "plural": "widgets", "singular": "widget"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                },
            }
        ],
    },
}
WIDGETS = ResourceType(
    "observed.example", "v1", "widgets", "Widget", namespaced=True, verbs=("list", "watch")
)
WIDGET = {"apiVersion": "observed.example/v1", "kind": "Widget", "metadata": {"name": "w"}}


@pytest.fixture
async def client(plane: ControlPlane) -> AsyncIterator[Client]:
    async with Client.open(await load(str(plane.kubeconfig()), "")) as opened:
        yield opened


class Observed:
    """An observer of the real cluster, what it handed on, and what it told."""

    def __init__(self, kubeconfig: Path, wants: Callable[[ResourceType], bool]) -> None:
        self.taken, self.told = Taken(), Told()

        async def position(_: Stream) -> str:
            return ""

        self.observer = Observer(
            "default",
            kubeconfig=str(kubeconfig),
            context="",
            wanted=lambda types: {type_: ("",) for type_ in types if wants(type_)},
            position=position,
            uid=nowhere,
            send=self.taken.send,
            reports=self.told,
        )

    def start(self, nursery: trio.Nursery) -> None:
        nursery.start_soon(self.taken.run)
        nursery.start_soon(self.observer.run)


async def _kubectl(plane: ControlPlane, *arguments: str, input: str = "") -> None:  # noqa: A002
    await trio.to_thread.run_sync(lambda: plane.kubectl(*arguments, input=input))


async def test_every_type_that_can_be_watched_is_listed(plane: ControlPlane, nursery: trio.Nursery) -> None:
    """All of them complete their first list, and none of them fails."""
    observed = Observed(plane.kubeconfig(), lambda _: True)
    observed.start(nursery)

    with trio.fail_after(30):
        await observed.observer.round()

    listed = {call.split()[1] for call in observed.told.calls if call.startswith("listed ")}
    assert listed == {type_.name for type_ in observed.told.types}
    assert len(listed) >= 57
    assert observed.told.errors == []


async def test_a_type_that_comes_and_goes_is_followed(
    plane: ControlPlane, namespace: str, nursery: trio.Nursery
) -> None:
    """Objects of a CRD are seen when it appears, deleted when it goes, and seen again when it is back."""
    made = "observed.example"
    observed = Observed(
        plane.kubeconfig(), lambda t: t.group == made or t.resource == "customresourcedefinitions"
    )
    observed.start(nursery)
    await observed.observer.round()
    widget = json.dumps(WIDGET)

    def seen() -> list[bool]:
        return [change.deleted for change in observed.taken.changes if change.key.group == made]

    for round_ in (1, 2):
        await _kubectl(plane, "apply", "-f", "-", input=json.dumps(CRD))
        await _kubectl(plane, "wait", "--for=condition=Established", "crd/widgets.observed.example")
        await _kubectl(plane, "apply", "-n", namespace, "-f", "-", input=widget)
        await until(lambda: seen()[-1:] == [False], lambda: f"{observed.taken.texts}")
        await _kubectl(plane, "delete", "crd/widgets.observed.example")
        await until(lambda: seen() == [False, True] * round_, lambda: f"{observed.taken.texts}")  # noqa: B023


async def test_a_position_that_is_too_old_means_a_list(
    plane: ControlPlane, client: Client, nursery: trio.Nursery, namespace: str
) -> None:
    """A position from before the server's memory begins is answered with a complete list."""
    await _kubectl(plane, "apply", "-f", "-", input=json.dumps(CRD))
    await _kubectl(plane, "wait", "--for=condition=Established", "crd/widgets.observed.example")
    await _kubectl(plane, "apply", "-n", namespace, "-f", "-", input=json.dumps(WIDGET))
    taken, told = Taken(), Told()
    watch = Watch(
        client, Stream("default", WIDGETS), DiscoveryTrigger(taken.send, lambda: None), Lists(), told
    )
    nursery.start_soon(taken.run)
    nursery.start_soon(watch.run, "1")

    await until(lambda: taken.texts[-1:] and taken.texts[-1].startswith("listed"))

    assert taken.texts[:-1] == ["list", "snapshot +w"]
    assert "expired" in told.restarts
    await _kubectl(plane, "delete", "crd/widgets.observed.example")


@pytest.mark.parametrize("position", ["rubbish", "12x", "-1", "1e3", "9" * 30])
async def test_a_position_that_is_rubbish_means_a_list(
    plane: ControlPlane, client: Client, nursery: trio.Nursery, namespace: str, position: str
) -> None:
    """What no API server ever named is refused by it, and is worth nothing from then on."""
    await _kubectl(plane, "create", "configmap", "a", "-n", namespace)
    taken, told = Taken(), Told()
    stream = Stream("default", CONFIG_MAPS, namespace)
    watch = Watch(client, stream, DiscoveryTrigger(taken.send, lambda: None), Lists(), told)
    nursery.start_soon(taken.run)
    nursery.start_soon(watch.run, position)

    await until(
        lambda: taken.texts[-1:] and taken.texts[-1].startswith("listed"),
        lambda: f"{[vars(each) for each in told.errors[:1]]}",
    )

    assert "snapshot +a" in taken.texts


async def test_the_pages_of_a_list_may_differ_in_size(
    plane: ControlPlane,
    client: Client,
    nursery: trio.Nursery,
    namespace: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each object comes once, however many of them a page has."""
    monkeypatch.setattr("reverser.kube.lists.FIRST", 1)
    names = [f"page-{number}" for number in range(12)]
    objects = [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}} for name in names]
    listed = {"apiVersion": "v1", "kind": "List", "items": objects}
    await _kubectl(plane, "create", "-n", namespace, "-f", "-", input=json.dumps(listed))
    taken, told, lists = Taken(), Told(), Lists()
    lists.paged.add("")
    stream = Stream("default", CONFIG_MAPS, namespace)
    watch = Watch(client, stream, DiscoveryTrigger(taken.send, lambda: None), lists, told)
    nursery.start_soon(taken.run)
    nursery.start_soon(watch.run, "")
    await until(lambda: taken.texts[-1:] and taken.texts[-1].startswith("listed"))

    found = [change.key.name for change in taken.changes]
    assert sorted(name for name in found if name.startswith("page-")) == sorted(names)
    assert told.errors == []


async def test_a_paged_list_brings_what_a_streaming_list_brings(
    plane: ControlPlane, client: Client, nursery: trio.Nursery, namespace: str
) -> None:
    """The same objects to the last field, apiVersion and kind included."""
    await _kubectl(plane, "create", "configmap", "a", "-n", namespace, "--from-literal=x=\u2028")
    found = []
    for streaming in (True, False):
        taken, told, lists = Taken(), Told(), Lists()
        if not streaming:
            lists.paged.add("")
        watch = Watch(
            client,
            Stream("default", CONFIG_MAPS, namespace),
            DiscoveryTrigger(taken.send, lambda: None),
            lists,
            told,
        )
        nursery.start_soon(taken.run)
        nursery.start_soon(watch.run, "")
        await until(lambda: told.calls)  # noqa: B023
        await until(lambda: taken.texts[-1].startswith("listed"))  # noqa: B023
        found.append({change.key.name: change.object for change in taken.changes})

    streamed, paged = found
    assert "a" in streamed
    assert streamed == paged


async def test_a_user_who_may_not_read_degrades_until_allowed(
    plane: ControlPlane, nursery: trio.Nursery
) -> None:
    """What is forbidden is named by the permission check, and followed once the role it gave is applied."""
    user, wanted = "observer", {"configmaps", "secrets"}
    kubeconfig = plane.kubeconfig(user)
    async with Client.open(await load(str(kubeconfig), "")) as client:
        types = [type_ for type_ in (await discover(client)).types if type_.name in wanted]
        denied = await missing(client, [Stream("default", type_) for type_ in types])
    assert {stream.type.name for stream in denied} == wanted
    observed = Observed(kubeconfig, lambda type_: type_.name in wanted)
    observed.start(nursery)
    await until(lambda: len(observed.told.errors) >= 2)
    await observed.observer.round()

    (role,) = roles(reading(denied), "observer")
    await _kubectl(plane, "apply", "-f", "-", input=json.dumps(role))
    await _kubectl(
        plane, "create", "clusterrolebinding", "observer", "--clusterrole=observer", f"--user={user}"
    )

    await until(lambda: {c.split()[1] for c in observed.told.calls if c.startswith("listed")} == wanted)
    assert {call.split()[1] for call in observed.told.calls if call.startswith("recovered")} == wanted
