"""How objects get into a cluster, and what happens to them there before anybody looks."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from reverser.model.resource import ResourceType
from tests.e2e.law.cluster import collection
from tests.e2e.law.samples import Way
from tests.e2e.servers import ControlPlane

Samples = list[tuple[ResourceType, dict[str, Any]]]
_VERBS = {"create": ("create",), "apply": ("apply",), "server-side": ("apply", "--server-side")}
_MERGE = "application/merge-patch+json"
_ADMISSION = "/apis/admissionregistration.k8s.io/v1"


def make(plane: ControlPlane, way: Way, samples: Samples, folder: Path) -> None:
    """Make the samples in one way."""
    if way.name == "post":
        for resource, manifest in samples:
            written = replace(resource, version=manifest["apiVersion"].rpartition("/")[2])
            plane.create(collection(written, manifest["metadata"].get("namespace", "")), manifest)
        return
    write(folder, [json.dumps(manifest).encode() for _, manifest in samples])
    plane.kubectl(*_VERBS[way.name], "-f", str(folder))


def write(folder: Path, files: list[bytes]) -> None:
    """Files that kubectl reads in this order."""
    folder.mkdir(parents=True)
    for number, content in enumerate(files):
        (folder / f"{number:04}.yaml").write_bytes(content)


def live_in(plane: ControlPlane, way: Way) -> None:
    """What injectors, debuggers, owners and autoscalers do to objects that are there."""
    here, core, apps = f"namespaces/{way.namespaces[0]}", "/api/v1", "/apis/apps/v1"
    owner = plane.get(f"{core}/{here}/configmaps/settings")["metadata"]
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": owner["name"], "uid": owner["uid"]}
    _patch(plane, f"{core}/{here}/configmaps/empty", {"metadata": {"ownerReferences": [reference]}})
    debugger = {"name": "debugger", "image": "busybox:1", "targetContainerName": "a"}
    containers = {"spec": {"ephemeralContainers": [debugger]}}
    _patch(plane, f"{core}/{here}/pods/plain/ephemeralcontainers", containers)
    controller = {"fieldManager": "kube-controller-manager"}
    _patch(plane, f"{apps}/{here}/deployments/none/scale", {"spec": {"replicas": 3}}, **controller)
    scaler = f"/apis/autoscaling/v2/{here}/horizontalpodautoscalers/of-old"
    _patch(plane, scaler, {"metadata": {"annotations": {"example.com/seen": "yes"}}}, _MERGE)
    _inject(plane, way)


def _inject(plane: ControlPlane, way: Way) -> None:
    """A CA bundle, as cert-manager puts it there."""
    bundle = base64.b64encode((plane.folder / "ca.crt").read_bytes()).decode()
    client = {"clientConfig": {"caBundle": bundle}}
    injector = {"fieldManager": "cert-manager-cainjector"}
    for kind in ("mutating", "validating"):
        path = f"{_ADMISSION}/{kind}webhookconfigurations/full-{way.token}"
        _patch(plane, path, {"webhooks": [{"name": "a.law.example", **client}]}, **injector)
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    conversion = {"spec": {"conversion": {"webhook": client}}}
    path = f"{definitions}/gears.{way.token}.law.example"
    _patch(plane, path, conversion, _MERGE, **injector)
    services = "/apis/apiregistration.k8s.io/v1/apiservices"
    _patch(plane, f"{services}/v1.ported{way.token}.law.example", {"spec": {"caBundle": bundle}}, **injector)


def _patch(
    plane: ControlPlane,
    path: str,
    patch: dict[str, Any],
    type: str = "application/strategic-merge-patch+json",  # noqa: A002
    **query: str,
) -> None:
    done = plane.http.patch(path, json=patch, params=query, headers={"Content-Type": type})
    assert done.is_success, done.text
