"""A namespace, a remote, and a daemon that writes the one to the other."""

from __future__ import annotations

from pathlib import Path

import httpx

from reverser.model.destination import Destination
from reverser.model.rule import Rule
from tests.e2e.daemon import Daemon, wait_for
from tests.e2e.expected import difference, expected_files
from tests.e2e.remote import Remote
from tests.e2e.servers import ControlPlane


class Setting:
    """A namespace, a remote, and a daemon that writes the one to the other."""

    def __init__(self, plane: ControlPlane, namespace: str, folder: Path) -> None:
        self.plane = plane
        self.namespace = namespace
        self.folder = folder
        self.remote = Remote(folder / "remote.git")
        self.rule = Rule(name="shop", destination="live", namespaces=(namespace,))
        rules = [{"name": "shop", "destination": "live", "namespaces": [namespace]}]
        self.daemon = Daemon(folder / "daemon", plane.kubeconfig(), self.remote.url, rules=rules)
        self._clones = 0

    def adopt(self) -> None:
        """Say in the configuration that the files of a lost data directory are to be taken over."""
        self.daemon.write(
            destinations=[{**each, "adopt": True} for each in self.daemon.tables["destinations"]]
        )

    def wanted(self) -> dict[str, bytes]:
        return expected_files(self.plane, self.rule, Destination(name="live", url=self.remote.url))

    def cloned(self) -> dict[str, bytes]:
        self._clones += 1
        return self.remote.files(self.folder / f"clone-{self._clones}")

    def mirrored(self, seconds: float = 60) -> None:
        """Wait until the remote has the right paths, then compare every byte of a clone."""
        wanted = self.wanted()
        wait_for("all paths", lambda: self.remote.paths() == set(wanted), seconds)
        self.daemon_idle()
        assert difference(self.cloned(), self.wanted()) == ""

    def stalled(self, reason: str) -> None:
        """Wait until `/readyz` says that somebody has to act, and why."""
        wait_for(reason, lambda: reason in httpx.get(f"{self.daemon.url}/readyz").text)

    def daemon_idle(self) -> None:
        """Wait until a marker made now is in the remote: the API's order puts it behind all else."""
        self._clones += 1
        name = f"marker-{self._clones}"
        self.plane.create(f"/api/v1/namespaces/{self.namespace}/configmaps", {"metadata": {"name": name}})
        wait_for("the marker", lambda: self.has(name), 90)

    def has(self, name: str) -> bool:
        """Whether something of that name is in the branch; fails when the daemon is gone."""
        return self.daemon.alive() and any(name in path for path in self.remote.paths())
