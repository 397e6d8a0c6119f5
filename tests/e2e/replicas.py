"""Several processes with one configuration, each with a pod, a data directory and an operations listener."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from tests.e2e.daemon import Daemon, wait_for
from tests.e2e.remote import Remote
from tests.e2e.servers import ControlPlane

LEASE_SECONDS = 3
LEADER = {"lease_seconds": LEASE_SECONDS, "renew_seconds": 2.0, "retry_seconds": 0.4}


class Replicas:
    """The replicas of one test, by the names of their pods."""

    def __init__(self, plane: ControlPlane, namespace: str, folder: Path) -> None:
        self.plane = plane
        self.namespace = namespace
        self.folder = folder
        self.remote = Remote(folder / "remote.git")
        self.by_name: dict[str, Daemon] = {}

    def add(self, name: str, kubeconfig: Path | None = None, **changes: Any) -> Daemon:
        """Start a replica of this name, and its pod."""
        containers = [{"name": "main", "image": "registry.example/reverser:1"}]
        pod = {"metadata": {"name": name}, "spec": {"containers": containers}}
        self.plane.create(self.pods, pod)
        tables = {
            "grace_seconds": 10,
            "leader": LEADER | {"namespace": self.namespace},
            "destinations": [{"name": "live", "url": self.remote.url, "window": "0s"}],
            "rules": [{"name": "shop", "destination": "live", "resources": ["configmaps"]}],
        }
        tables["rules"][0]["namespaces"] = [self.namespace]  # type: ignore[index]
        config = kubeconfig or self.plane.kubeconfig()
        daemon = Daemon(self.folder / name, config, self.remote.url, **{**tables, **changes})
        daemon.environ = {"POD_NAME": name, "REVERSER_STAND_STILL": str(self.folder / name / "moment")}
        self.by_name[name] = daemon
        return daemon

    @property
    def pods(self) -> str:
        """Where the pods are."""
        return f"/api/v1/namespaces/{self.namespace}/pods"

    @property
    def lease(self) -> dict[str, Any]:
        """The Lease's spec; empty when there is none."""
        path = f"/apis/coordination.k8s.io/v1/namespaces/{self.namespace}/leases/gitops-reverser"
        answer = self.plane.http.get(path)
        return dict(answer.json()["spec"]) if answer.is_success else {}

    @property
    def holder(self) -> str:
        """Whom the Lease names."""
        return str(self.lease.get("holderIdentity") or "")

    def labelled(self) -> list[str]:
        """Pods with the label `role=leader`."""
        items = self.plane.get(f"{self.pods}?labelSelector=role%3Dleader")["items"]
        return [each["metadata"]["name"] for each in items]

    def leads(self, name: str, seconds: float = 60) -> None:
        """Wait until a replica leads and its pod alone says so."""
        wait_for(f"{name} to lead", lambda: self.holder == name, seconds)
        wait_for(f"the label of {name}", lambda: self.labelled() == [name], seconds)

    def put(self, name: str, value: str) -> None:
        """Create a ConfigMap, or give it another value."""
        path = f"/api/v1/namespaces/{self.namespace}/configmaps"
        body = {"metadata": {"name": name}, "data": {"value": value}}
        if self.plane.http.put(f"{path}/{name}", json=body).status_code == httpx.codes.NOT_FOUND:
            self.plane.create(path, body)

    def values(self, name: str) -> list[str]:
        """Every value that a ConfigMap's file has had, oldest first; "" where it was removed."""
        found: list[str] = []
        for commit in self.remote.commits():
            value = self._value(name, commit)
            if value != (found[-1] if found else ""):
                found.append(value)
        return found

    def _value(self, name: str, commit: str) -> str:
        mine = [path for path in self.remote.paths(commit) if path.endswith(f"/{name}.yaml")]
        paths = [path for path in mine if "/configmaps/" in path]
        text = self.remote.show(paths[0], commit) if paths else ""
        return text.partition("value: ")[2].partition("\n")[0].strip('"')

    def has(self, name: str, value: str) -> None:
        """Wait until the branch has a ConfigMap with this value."""
        wait_for(f"{name}={value}", lambda: self.values(name)[-1:] == [value], 60)

    def follows(self, name: str) -> None:
        """Wait until a replica says that it follows."""
        url = self.by_name[name].url
        wait_for(
            f"{name} to follow", lambda: "Leading=False" in httpx.get(f"{url}/readyz", timeout=30).text, 60
        )

    def kill(self) -> None:
        """End all of them at once."""
        for each in self.by_name.values():
            each.kill()
