"""A real API server passes what the sandbox passes: if it does not, the sandbox is wrong."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import httpx
import pytest
import trio

from reverser.sandbox import Sandbox
from reverser.sandbox.types import built_in
from tests.e2e.servers import ASSETS, ControlPlane
from tests.integration import conformance
from tests.integration.kubernetes import AGGREGATED, Api, configmap, deployment
from tests.integration.webhooks import RegisteredWebhook, register_webhook

TestAdmission = conformance.Admission
TestCustomResources = conformance.CustomResources
TestDeletions = conformance.Deletions
TestDiscovery = conformance.Discovery
TestLists = conformance.Lists
TestWatches = conformance.Watches
TestWrites = conformance.Writes


@pytest.fixture
async def api(plane: ControlPlane, namespace: str) -> AsyncIterator[Api]:
    """The shared control plane, and a namespace for each test."""
    cluster = json.loads(plane.kubeconfig("admin").read_text())["clusters"][0]["cluster"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=authority)
    context.load_cert_chain(plane.folder / "admin.crt", plane.folder / "admin.key")
    async with httpx.AsyncClient(base_url=plane.url, verify=context, timeout=30) as client:
        yield Api(client, namespace)


@pytest.fixture
async def webhook(api: Api, tmp_path: Path) -> AsyncIterator[RegisteredWebhook]:
    """A webhook that is registered there."""
    async with register_webhook(api, tmp_path / "webhook") as webhook:
        yield webhook


async def test_types_are_those_of_the_sandbox(api: Api) -> None:
    """Every built-in type of the sandbox looks in discovery as it does on a real server."""
    rows = {}
    for root in ("/api", "/apis"):
        document = (await api.client.get(root, headers={"accept": AGGREGATED})).json()
        for group in document["items"]:
            for version in group["versions"]:
                for row in version["resources"]:
                    rows[group["metadata"].get("name", ""), version["version"], row["resource"]] = row

    for type_ in built_in():
        row = rows[type_.group, type_.version, type_.resource]
        assert row["responseKind"]["kind"] == type_.kind
        assert (row["scope"] == "Namespaced") == type_.namespaced
        assert set(row["verbs"]) >= set(type_.verbs)
        assert tuple(row.get("shortNames", ())) == type_.short_names
        assert tuple(row.get("categories", ())) == type_.categories
        assert row.get("singularResource") == type_.singular
        assert set(type_.subresources) <= {sub["subresource"] for sub in row.get("subresources", ())}


async def test_kubectl_talks_to_the_sandbox(plane: ControlPlane, tmp_path: Path) -> None:
    """People can apply, scale, label and delete in the sandbox with kubectl."""
    async with Sandbox.open() as sandbox:
        path = sandbox.kubeconfig(tmp_path / "kubeconfig")

        async def kubectl(*arguments: str, document: object = None) -> None:
            command = [str(ASSETS / "kubectl"), "--kubeconfig", str(path), *arguments]
            run = partial(subprocess.run, command, input=json.dumps(document).encode(), capture_output=True)
            done = await trio.to_thread.run_sync(run)
            assert done.returncode == 0, done.stderr.decode()

        for value in ("1", "2"):
            await kubectl("apply", "-f", "-", document=configmap("settings", value))
        await kubectl("apply", "--server-side", "-f", "-", document=deployment("web"))
        await kubectl("scale", "deployment", "web", "--replicas=3")
        await kubectl("label", "deployment", "web", "tier=front")
        await kubectl("create", "-f", "-", document=configmap("gone"))
        await kubectl("delete", "configmap", "gone")

        settings = await sandbox.get("v1", "ConfigMap", "settings", "default")
        web = await sandbox.get("apps/v1", "Deployment", "web", "default")
        assert settings is not None
        assert settings["data"] == {"value": "2"}
        assert web is not None
        assert (web["spec"]["replicas"], web["metadata"]["labels"]) == (3, {"tier": "front"})
        assert await sandbox.get("v1", "ConfigMap", "gone", "default") is None


CREATED = (
    ("configmap", "create configmap a --from-literal=motd=hello --from-file=bin={file}"),
    ("secret", "create secret generic a --from-literal=password=x"),
    ("serviceaccount", "create serviceaccount a"),
    ("deployment", "create deployment a --image=nginx:1 --replicas=0 --port=80 -- sleep 9"),
)
"""What people make in the sandbox beside `apply`: kubectl sends these as protobuf."""


@pytest.mark.parametrize(("kind", "command"), CREATED, ids=[kind for kind, _ in CREATED])
async def test_kubectl_creates_the_same_in_both(
    plane: ControlPlane, namespace: str, tmp_path: Path, kind: str, command: str
) -> None:
    """What `kubectl create` makes in the sandbox, it makes on a real server, which adds its defaults."""
    binary = tmp_path / "binary"
    binary.write_bytes(bytes(range(256)))
    arguments = ["-n", namespace, *command.format(file=binary).split()]
    async with Sandbox.open() as sandbox:
        made = []
        for path in (sandbox.kubeconfig(tmp_path / "kubeconfig"), plane.kubeconfig()):
            if not made:
                await _kubectl(path, "create", "namespace", namespace)
            await _kubectl(path, *arguments)
            made.append(json.loads(await _kubectl(path, "get", kind, "a", "-n", namespace, "-o", "json")))

    ours, real = made
    metadata = ("name", "namespace", "labels")
    assert [ours["metadata"].get(key) for key in metadata] == [real["metadata"].get(key) for key in metadata]
    _within({key: ours[key] for key in ours if key not in ("metadata", "status")}, real)


async def _kubectl(path: Path, *arguments: str) -> str:
    command = [str(ASSETS / "kubectl"), "--kubeconfig", str(path), *arguments]
    done = await trio.to_thread.run_sync(partial(subprocess.run, command, capture_output=True, text=True))
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def _within(part: object, whole: object) -> None:
    """Everything of `part` is in `whole`, lists item by item."""
    if isinstance(part, dict) and isinstance(whole, dict):
        for key, value in part.items():
            _within(value, whole.get(key))
    elif isinstance(part, list) and isinstance(whole, list):
        assert len(part) == len(whole)
        for ours, theirs in zip(part, whole, strict=True):
            _within(ours, theirs)
    elif part:
        assert part == whole
