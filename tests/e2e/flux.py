"""Real Flux on a control plane: source-controller, kustomize-controller, one repository, one Kustomization.

Both reconcile by themselves, a second after the branch moved. What the Kustomization's condition
Ready ever said is written down while it runs.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.e2e.daemon import wait_for
from tests.e2e.servers import ASSETS, ControlPlane
from tests.ports import free_ports

PROGRAMS = ("source-controller", "kustomize-controller")
CRDS = ASSETS / "flux-crds"
HOME = "flux-system"
KUSTOMIZATION = f"/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/{HOME}/kustomizations/live"
READY = '{.status.conditions[?(@.type=="Ready")].status} {.status.conditions[?(@.type=="Ready")].message}'


def flux_built() -> bool:
    """Whether both programs are there."""
    return all((ASSETS / name).is_file() for name in PROGRAMS) and CRDS.is_dir()


class Flux:
    """Both controllers, and what they made of the branch."""

    def __init__(self, plane: ControlPlane, folder: Path) -> None:
        self._plane = plane
        self._told = folder / "ready"

    @classmethod
    @contextmanager
    def start(
        cls, plane: ControlPlane, folder: Path, url: str, substitute: dict[str, str], **spec: Any
    ) -> Iterator[Flux]:
        """Flux follows `main` of `url` for as long as the context lasts: whole, unless `spec` says else."""
        folder.mkdir(parents=True)
        plane.kubectl("apply", "--server-side", "-f", str(CRDS))
        plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        plane.kubectl("create", "namespace", HOME)
        with ExitStack() as stack:
            storage, *others = free_ports(5)
            source = [f"--storage-path={folder}", f"--storage-addr=127.0.0.1:{storage}"]
            source.append(f"--storage-adv-addr=127.0.0.1:{storage}")
            for name, ports, more in (
                ("source-controller", others[:2], source),
                ("kustomize-controller", others[2:], []),
            ):
                stack.enter_context(_controller(plane, folder, name, ports, more))
            plane.kubectl("apply", "-f", "-", input=json.dumps(_objects(url, substitute, spec)))
            stack.enter_context(_watching(plane, folder / "ready"))
            yield cls(plane, folder)

    def applied(self, commit: str) -> bool:
        """Whether this commit is what Flux applied last."""
        status = self._plane.get(KUSTOMIZATION).get("status", {})
        return str(status.get("lastAppliedRevision", "")).endswith(commit)

    def wait_applied(self, head: Callable[[], str]) -> None:
        """Return when the newest commit is applied, whichever that is by then."""
        wait_for("Flux to apply the head", lambda: self.applied(head()), 60)

    def kustomization(self, name: str, **spec: Any) -> None:
        """Another Kustomization of the same repository."""
        self._plane.kubectl("apply", "-f", "-", input=json.dumps(_kustomization(name, spec)))

    def ready(self, name: str = "live") -> dict[str, str]:
        """The condition Ready of a Kustomization; empty while there is none."""
        path = f"{KUSTOMIZATION.rpartition('/')[0]}/{name}"
        conditions = self._plane.get(path).get("status", {}).get("conditions", [])
        return next((each for each in conditions if each["type"] == "Ready"), {})

    @property
    def told(self) -> list[str]:
        """What Ready said, each time that something of the Kustomization changed: status and message."""
        return [line for line in self._told.read_text().splitlines() if line.strip()]


@contextmanager
def _controller(
    plane: ControlPlane, folder: Path, name: str, ports: list[int], more: list[str]
) -> Iterator[None]:
    addresses = [f"--metrics-addr=127.0.0.1:{ports[0]}", f"--health-addr=127.0.0.1:{ports[1]}"]
    environment = os.environ | {"KUBECONFIG": str(plane.kubeconfig()), "RUNTIME_NAMESPACE": HOME}
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [ASSETS / name, "--enable-leader-election=false", *addresses, *more],
            stdout=log,
            stderr=log,
            env=environment,
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


@contextmanager
def _watching(plane: ControlPlane, path: Path) -> Iterator[None]:
    command = [ASSETS / "kubectl", "--kubeconfig", plane.kubeconfig(), "--namespace", HOME, "get"]
    form = f'jsonpath={READY}{{"\\n"}}'
    with path.open("wb") as out:
        process = subprocess.Popen([*command, "kustomization", "live", "--watch", "-o", form], stdout=out)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def _objects(url: str, substitute: dict[str, str], spec: dict[str, Any]) -> dict[str, Any]:
    source = {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": {"name": "live", "namespace": HOME},
        "spec": {"url": url, "interval": "1s", "ref": {"branch": "main"}},
    }
    kustomization = _kustomization("live", {"postBuild": {"substitute": substitute}} | spec)
    return {"apiVersion": "v1", "kind": "List", "items": [source, kustomization]}


def _kustomization(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    # Only a new commit makes it apply: what a person changes is in Git before it is undone.
    often = {"interval": "1h", "retryInterval": "2s"}
    what = {"path": "./", "prune": True, "sourceRef": {"kind": "GitRepository", "name": "live"}}
    return {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": name, "namespace": HOME},
        "spec": often | what | spec,
    }
