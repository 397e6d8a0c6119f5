"""A node for the pods of the installation's Deployment: each of them is a process of this machine.

All but the kubelet is real: the Deployment controller makes the pods of a new version and waits until they
are ready, and then deletes those of the old one. What the kubelet would do is done here: start the program
with the file that the ConfigMap has at that moment, say when `/readyz` is 200, send SIGTERM to the process of
a pod that is deleted, and remove the pod once it has ended.
"""

from __future__ import annotations

import json
import signal
import threading
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from tests.e2e import installation
from tests.e2e.daemon import Daemon
from tests.e2e.servers import ControlPlane

NODE = "here"
PODS = f"/api/v1/namespaces/{installation.NAMESPACE}/pods"
PATCH = {"Content-Type": "application/strategic-merge-patch+json"}
EVERY_SECONDS = 0.2


class Kubelet(AbstractContextManager["Kubelet"]):
    """Runs the pods for as long as the context lasts."""

    def __init__(self, plane: ControlPlane, folder: Path, **tables: Any) -> None:
        self.processes: dict[str, Daemon] = {}
        """Of all pods that there have been, by name."""
        self.exits: dict[str, int] = {}
        """Exit status of those that have ended."""
        self.errors: list[BaseException] = []
        self._plane = plane
        self._folder = folder
        self._tables = tables
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Kubelet:
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}}
        self._plane.kubectl("apply", "-f", "-", input=json.dumps(node))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        for each in self.processes.values():
            each.kill()

    def _run(self) -> None:
        """Look at all pods again and again."""
        while not self._done.wait(EVERY_SECONDS):
            try:
                self._is_alive()
                for pod in installation.pods(self._plane):
                    self._look_at(pod)
            except (httpx.HTTPError, AssertionError, OSError) as error:
                self.errors.append(error)
                return

    def _is_alive(self) -> None:
        """A node that says nothing loses its pods."""
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        ready = {"type": "Ready", "status": "True", "lastHeartbeatTime": now}
        self._patch(f"/api/v1/nodes/{NODE}/status", {"status": {"conditions": [ready]}})

    def _look_at(self, pod: dict[str, Any]) -> None:
        name = pod["metadata"]["name"]
        if not pod["spec"].get("nodeName"):
            target = {"target": {"apiVersion": "v1", "kind": "Node", "name": NODE}}
            self._plane.create(f"{PODS}/{name}/binding", {"metadata": {"name": name}} | target)
        elif name not in self.processes:
            process = installation.daemon(self._plane, self._folder / name, name)
            process.write(**self._tables)
            self.processes[name] = process.start()
        elif "deletionTimestamp" in pod["metadata"]:
            self._end(name)
        else:
            self._say_whether_ready(name)

    def _end(self, name: str) -> None:
        process = self.processes[name].process
        assert process is not None
        if name not in self.exits:
            process.send_signal(signal.SIGTERM)
            self.exits[name] = process.wait(40)
        self._plane.http.request("DELETE", f"{PODS}/{name}", json={"gracePeriodSeconds": 0})

    def _say_whether_ready(self, name: str) -> None:
        process = self.processes[name]
        listening = process.logged("probes and metrics are served")
        try:
            answer = httpx.get(f"{listening[0]['url']}/readyz", timeout=5) if listening else None
        except httpx.HTTPError:
            answer = None
        is_ready = answer is not None and answer.status_code == httpx.codes.OK
        condition = {"type": "Ready", "status": str(is_ready)}
        status = {"phase": "Running", "conditions": [condition]}
        self._patch(f"{PODS}/{name}/status", {"status": status})

    def _patch(self, path: str, document: dict[str, Any]) -> None:
        """Change an object that may be away by now."""
        answer = self._plane.http.patch(path, content=json.dumps(document), headers=PATCH)
        assert answer.is_success or answer.status_code == httpx.codes.NOT_FOUND, answer.text
