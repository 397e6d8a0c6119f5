"""Reads and writes the Lease by compare-and-swap on its resourceVersion, and the label of pods.

One client for all requests, logged in when it is first needed, and again after a login that failed. Every
request has a deadline, since an answer that comes too late to renew the Lease is of no use; a first login has
its own, which is longer. A Lease keeps the labels and annotations that others set.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import quote

import msgspec
import trio

from reverser.config import Cluster
from reverser.kube.client import Client
from reverser.kube.credentials import load
from reverser.kube.errors import Conflict, NotFound, Silent
from reverser.leader.lease_record import LeaseRecord, read_record, spec_of

LABELS = {"app.kubernetes.io/managed-by": "reverser"}
ROLE = "role"
LEADER = "leader"


class LeaseSnapshot(msgspec.Struct, frozen=True):
    """A Lease as it was read."""

    record: LeaseRecord
    document: dict[str, Any]


class LeaseApi:
    """One Lease, and the pods of its namespace."""

    def __init__(self, stack: AsyncExitStack, cluster: Cluster, namespace: str, name: str, seconds: float):
        self._stack = stack
        self._cluster = cluster
        self._namespace = quote(namespace, safe="")
        self._name = name
        self._metadata = {"namespace": namespace, "name": name, "labels": LABELS}
        self._leases = f"/apis/coordination.k8s.io/v1/namespaces/{self._namespace}/leases"
        self._seconds = seconds
        self._client: Client | None = None
        self._opening = trio.Lock()

    @classmethod
    @asynccontextmanager
    async def open(
        cls, cluster: Cluster, namespace: str, name: str, request_seconds: float
    ) -> AsyncIterator[LeaseApi]:
        """For as long as the context lasts; nothing is connected to before the first request."""
        async with AsyncExitStack() as stack:
            yield cls(stack, cluster, namespace, name, request_seconds)

    async def read(self) -> LeaseSnapshot | None:
        """The Lease as it is now; None: there is none. Raises TransientError or StalledError."""
        try:
            return _snapshot(await self._send("GET", f"{self._leases}/{quote(self._name, safe='')}"))
        except NotFound:
            return None

    async def write(self, before: LeaseSnapshot | None, record: LeaseRecord) -> LeaseSnapshot:
        """Put a record where `before` was read. Raises Conflict when it is another by now, and as `read`."""
        if before is None:
            lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": self._metadata}
            return _snapshot(await self._send("POST", self._leases, lease | {"spec": spec_of(record)}))
        document = before.document | {"spec": spec_of(record)}
        try:
            return _snapshot(
                await self._send("PUT", f"{self._leases}/{quote(self._name, safe='')}", document)
            )
        except NotFound as error:
            raise Conflict(error.status, error.reason, error.message) from error

    async def label(self, pod: str, *, leads: bool) -> None:
        """Set the label `role=leader` of a pod, or remove it. Raises TransientError or StalledError."""
        path = f"/api/v1/namespaces/{self._namespace}/pods/{quote(pod, safe='')}"
        body = {"metadata": {"labels": {ROLE: LEADER if leads else None}}}
        await self._send("PATCH", path, body, "application/merge-patch+json")

    async def _send(
        self, method: str, path: str, body: Any = None, media_type: str = "application/json"
    ) -> Any:
        client = await self._connected()
        try:
            with trio.fail_after(self._seconds):
                return await client.send(method, path, body, media_type=media_type)
        except trio.TooSlowError as error:
            raise Silent(f"the API server did not answer within {self._seconds:g} s") from error

    async def _connected(self) -> Client:
        async with self._opening:
            if self._client is None:
                login = await load(self._cluster.kubeconfig, self._cluster.context)
                self._client = await self._stack.enter_async_context(Client.open(login))
            return self._client


def _snapshot(document: Any) -> LeaseSnapshot:
    document = document if isinstance(document, dict) else {}
    return LeaseSnapshot(read_record(document), document)
