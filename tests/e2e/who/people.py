"""The hands of one scenario: people with their own credentials, in a namespace of their own."""

from __future__ import annotations

import json
import ssl
import time
from typing import Any

import httpx

from tests.e2e.daemon import wait_for
from tests.e2e.remote import Remote
from tests.e2e.servers import ControlPlane

PEOPLE = ("alice", "bob", "carol", "dave")
"""All may do anything, though carol and dave are refused in the end."""
PATCHES = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "strategic": "application/strategic-merge-patch+json",
}


class Hands:
    """What people do in one namespace."""

    def __init__(self, plane: ControlPlane, namespace: str, remote: Remote) -> None:
        self.plane = plane
        self.namespace = namespace
        self._remote = remote

    def kubectl(self, user: str, *arguments: str, document: Any = None) -> str:
        """kubectl as a user; `document` is its standard input, a list of documents becomes a List."""
        text = json.dumps(document) if document else ""
        return self.plane.kubectl("-n", self.namespace, *arguments, user=user, input=text)

    def make(self, user: str, document: dict[str, Any]) -> None:
        """`kubectl create`."""
        self.kubectl(user, "create", "-f", "-", document=document)

    def patch(self, user: str, what: str, change: Any, kind: str = "merge", *more: str) -> None:
        """`kubectl patch` of `kind/name`."""
        self.kubectl(user, "patch", what, f"--type={kind}", "-p", json.dumps(change), *more)

    def get(self, path: str) -> Any:
        """An object, by `{prefix}` with `{ns}` in it."""
        return self.plane.get(path.format(ns=self.namespace))

    def send(self, user: str, method: str, path: str, body: Any = None, kind: str = "") -> httpx.Response:
        """A plain request; `kind` is the content type of a patch."""
        headers = {"Content-Type": PATCHES.get(kind, "application/json")}
        with client(self.plane, user) as http:
            return http.request(method, path.format(ns=self.namespace), json=body, headers=headers)

    def followed(self, place: str) -> None:
        """Wait until Git has the file: a new type is followed live from then on."""
        path = f"{self.namespace}/{place}.yaml"
        wait_for(path, lambda: path in self._remote.paths())

    def next_second(self) -> None:
        """Managed fields are stamped by the second: what comes now has another stamp than what was."""
        second = int(time.time())
        wait_for("the next second", lambda: int(time.time()) > second)

    def gone(self, path: str) -> bool:
        """Whether there is no such object any more."""
        return self.plane.http.get(path.format(ns=self.namespace)).status_code == 404


def client(plane: ControlPlane, user: str) -> httpx.Client:
    """Plain HTTP with a user's certificate."""
    stem = plane.kubeconfig(user).with_suffix("").name
    context = ssl.create_default_context(cafile=str(plane.folder / "ca.crt"))
    context.load_cert_chain(plane.folder / f"{stem}.crt", plane.folder / f"{stem}.key")
    return httpx.Client(base_url=plane.url, verify=context, timeout=30)
