"""The reader of custom resources, against the sandbox API: CRDs, objects, namespaces, Secrets, host keys."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from reverser.config import Resources
from reverser.custom_resources.model import ObjectName, ObjectRef
from reverser.custom_resources.reader import ResourceReader
from reverser.custom_resources.reader_reports import ReaderReports
from reverser.custom_resources.secret_followers import KnownHosts, SecretFollowers
from reverser.health import Health
from reverser.kube.client import Client
from reverser.kube.credentials import load
from reverser.sandbox import Sandbox
from tests.custom_resources import API_VERSION, crds, git_repo_config, namespace, watch_rule

BOUND_SECONDS = 20.0
EVERYTHING = Resources()


class Reading:
    """A reader that runs, and what it reported."""

    def __init__(self, sandbox: Sandbox, resources: Resources) -> None:
        self.sandbox = sandbox
        self.health = Health()
        self.changes = 0
        self.reader = ResourceReader(
            "default", resources, ReaderReports("default", self.health), self._changed
        )
        self.secrets = SecretFollowers(self._changed)
        self.known_hosts = KnownHosts("shop/known-hosts", self._changed)

    def _changed(self) -> None:
        self.changes += 1

    async def run(self, kubeconfig: Path) -> None:
        async with Client.open(await load(str(kubeconfig), "")) as client, trio.open_nursery() as nursery:
            nursery.start_soon(self.reader.run, client)
            nursery.start_soon(self.secrets.run, client)
            nursery.start_soon(self.known_hosts.run, client)

    async def until(self, condition: Callable[[], Any]) -> None:
        with trio.fail_after(BOUND_SECONDS):
            while not condition():
                await trio.sleep(0.01)

    async def apply(self, *objects: dict[str, Any]) -> None:
        for each in objects:
            await self.sandbox.apply(each)

    @property
    def stalled(self) -> dict[str, str]:
        return {c.reason: c.message for c in self.health.conditions if c.type == "Stalled" and c.status}


@asynccontextmanager
async def reading(
    folder: Path, *objects: dict[str, Any], resources: Resources = EVERYTHING
) -> AsyncIterator[Reading]:
    """A reader of a sandbox that has these objects before the reader starts."""
    async with Sandbox.open() as sandbox, trio.open_nursery() as nursery:
        sandbox.kubeconfig(folder / "kubeconfig")
        started = Reading(sandbox, resources)
        await started.apply(namespace("shop"), namespace("other"), *objects)
        nursery.start_soon(started.run, folder / "kubeconfig")
        yield started
        nursery.cancel_scope.cancel()


async def test_objects_are_read_and_followed(tmp_path: Path) -> None:
    """What is there at the start, what comes, what changes and what goes is seen at once."""
    shop = ObjectName("shop", "live")
    async with reading(tmp_path, *crds(), git_repo_config("live", "shop")) as reads:
        await reads.reader.tried.wait()
        assert [*reads.reader.objects("GitRepoConfig")] == [shop]
        assert reads.reader.has_all_configs

        await reads.apply(watch_rule("all", "shop"))
        await reads.until(lambda: ObjectName("shop", "all") in reads.reader.objects("WatchRule"))
        await reads.apply(git_repo_config("live", "shop", branch="other"))
        await reads.until(lambda: reads.reader.objects("GitRepoConfig")[shop].spec.branch == "other")
        await reads.sandbox.delete(API_VERSION, "GitRepoConfig", "live", "shop")
        await reads.until(lambda: not reads.reader.objects("GitRepoConfig"))

        assert reads.stalled == {}


async def test_crds_may_be_installed_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without CRDs there is a condition that says what installs them; once they are there it goes."""
    monkeypatch.setattr("reverser.custom_resources.reader.MISSING_SECONDS", 0.05)
    async with reading(tmp_path) as reads:
        await reads.reader.tried.wait()
        message = reads.stalled["NotInstalled"]
        assert "gitrepoconfigs.configbutler.ai" in message
        assert "kubectl apply --server-side -k config/crd" in message

        await reads.apply(*crds(), git_repo_config("live", "shop"))
        await reads.until(lambda: reads.reader.objects("GitRepoConfig"))
        await reads.until(lambda: not reads.stalled)


async def test_an_object_that_cannot_be_decoded_stops_nobody(tmp_path: Path) -> None:
    """It is named with the reason; the others of its kind are read."""
    bad = git_repo_config("bad", "shop")
    bad["spec"]["branch"] = 7
    async with reading(tmp_path, *crds(), bad, git_repo_config("good", "shop")) as reads:
        await reads.reader.tried.wait()

        assert [*reads.reader.objects("GitRepoConfig")] == [ObjectName("shop", "good")]
        assert (
            "$.spec.branch"
            in reads.reader.unreadable[ObjectRef("GitRepoConfig", ObjectName("shop", "bad"))].message
        )

        await reads.apply(git_repo_config("bad", "shop"))
        await reads.until(lambda: len(reads.reader.objects("GitRepoConfig")) == 2)
        assert reads.reader.unreadable == {}


async def test_a_status_write_is_no_change(tmp_path: Path) -> None:
    """The daemon's own status writes must not make it compile again, or they would never end."""
    ref = ObjectRef("GitRepoConfig", ObjectName("shop", "live"))
    async with reading(tmp_path, *crds(), git_repo_config("live", "shop")) as reads:
        await reads.reader.tried.wait()
        changes, stored = reads.changes, reads.reader.status(ref)
        status = {"status": {"commits": 3}}
        await reads.sandbox.patch(API_VERSION, "GitRepoConfig", "live", "shop", status, subresource="status")
        await reads.until(lambda: reads.reader.status(ref) != stored)

        assert reads.changes == changes
        assert reads.reader.status(ref).status.commits == 3  # type: ignore[union-attr]


async def test_labels_of_namespaces_are_followed(tmp_path: Path) -> None:
    """A label that comes or goes decides which rules may use a GitRepoConfig."""
    async with reading(tmp_path, *crds()) as reads:
        await reads.reader.tried.wait()
        label = {"metadata": {"labels": {"a": "b"}}}
        await reads.sandbox.patch("v1", "Namespace", "shop", "", label)
        await reads.until(lambda: reads.reader.namespaces.get("shop", {}).get("a") == "b")
        await reads.sandbox.delete("v1", "Namespace", "shop")
        await reads.until(lambda: "shop" not in reads.reader.namespaces)


async def test_only_some_namespaces_can_be_read(tmp_path: Path) -> None:
    """Then objects of other namespaces and ClusterWatchRules are not seen."""
    objects = (*crds(), git_repo_config("live", "shop"), git_repo_config("live", "other"))
    async with reading(tmp_path, *objects, resources=Resources(namespaces=("shop",))) as reads:
        await reads.reader.tried.wait()
        await reads.until(lambda: "shop" in reads.reader.namespaces)

        assert [*reads.reader.objects("GitRepoConfig")] == [ObjectName("shop", "live")]
        assert [*reads.reader.namespaces] == ["shop"]


async def test_a_label_selector_chooses_objects(tmp_path: Path) -> None:
    """Objects without the label are not seen."""
    labelled = git_repo_config("mine", "shop")
    labelled["metadata"]["labels"] = {"shard": "a"}
    objects = (*crds(), labelled, git_repo_config("theirs", "shop"))
    async with reading(tmp_path, *objects, resources=Resources(selector="shard=a")) as reads:
        await reads.reader.tried.wait()

        assert [*reads.reader.objects("GitRepoConfig")] == [ObjectName("shop", "mine")]


def secret(value: str, namespace: str = "shop") -> dict[str, Any]:
    data = {"password": base64.b64encode(value.encode()).decode()}
    metadata = {"name": "creds", "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}


async def test_a_secret_that_comes_changes_and_goes_is_noticed(tmp_path: Path) -> None:
    """Only the named Secret is read, and each of its states."""
    name = ObjectName("shop", "creds")
    async with reading(tmp_path, *crds(), secret("x", "other")) as reads:
        reads.secrets.follow([name])
        await reads.until(lambda: reads.secrets.secrets == {name: None})
        await reads.apply(secret("one"))
        await reads.until(lambda: reads.secrets.secrets == {name: {"password": b"one"}})
        await reads.apply(secret("two"))
        await reads.until(lambda: reads.secrets.secrets == {name: {"password": b"two"}})
        await reads.sandbox.delete("v1", "Secret", "creds", "shop")
        await reads.until(lambda: reads.secrets.secrets == {name: None})
        reads.secrets.follow([])

        assert reads.secrets.secrets == {}


async def test_host_keys_of_the_installation_are_followed(tmp_path: Path) -> None:
    """The ConfigMap that is named has them under the key known_hosts."""
    async with reading(tmp_path) as reads:
        assert reads.known_hosts.keys == b""
        metadata = {"name": "known-hosts", "namespace": "shop"}
        hosts = {"known_hosts": "git.example.com ssh-ed25519 AAAA"}
        await reads.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": hosts})
        await reads.until(lambda: reads.known_hosts.keys == b"git.example.com ssh-ed25519 AAAA")
