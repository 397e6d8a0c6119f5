"""An embedded Kubernetes-compatible API: in memory, on a port of its own, with users and webhooks.

    async with Sandbox.open() as sandbox:
        sandbox.kubeconfig(path)
        await sandbox.apply({"apiVersion": "v1", "kind": "ConfigMap", …}, manager="kubectl-edit")

What is written here from Python goes through the same rules as what comes over HTTP.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import trio

from reverser.http.connection import serve_connections
from reverser.manifest.merge_patch import merge_patch
from reverser.sandbox.app import App
from reverser.sandbox.managed_fields import Requester
from reverser.sandbox.reads import Reads
from reverser.sandbox.registry import Registry
from reverser.sandbox.store import Object, find
from reverser.sandbox.types import Catalogue, table_of
from reverser.sandbox.users import ADMIN, BY_NAME, PREFIX, User
from reverser.sandbox.writes import Writes


class Sandbox:
    """One API server."""

    def __init__(self, *, bookmark_seconds: float = 60) -> None:
        self.url = ""
        """Known once it serves."""
        self._catalogue = Catalogue()
        self._registry = Registry(self._catalogue)
        writes = Writes(Reads(self._catalogue, self._registry), self._registry)
        self.app: Any = App(self._catalogue, self._registry, writes.answer, bookmark_seconds)
        """What is served; tests put something around it that fails."""

    @classmethod
    @asynccontextmanager
    async def open(cls, *, bookmark_seconds: float = 60) -> AsyncIterator[Sandbox]:
        """A sandbox that serves until the block is left."""
        sandbox = cls(bookmark_seconds=bookmark_seconds)
        async with trio.open_nursery() as nursery:
            await nursery.start(sandbox.serve)
            yield sandbox
            nursery.cancel_scope.cancel()

    async def serve(self, *, task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve on a port of its own until cancelled; starts with the URL."""
        listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
        self.url = f"http://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        task_status.started(self.url)
        await serve_connections(self.app, listeners)

    def kubeconfig(self, path: Path) -> Path:
        """Write a kubeconfig that leads here, with a context for each user; returns the path."""
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": name, "cluster": {"server": f"{self.url}/{PREFIX}/{name}"}} for name in BY_NAME
            ],
            "users": [{"name": name, "user": {}} for name in BY_NAME],
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}} for name in BY_NAME],
            "current-context": "admin",
        }
        path.write_text(json.dumps(config, indent=2))
        return path

    async def apply(self, obj: Object, *, manager: str = "kubectl-apply", user: User = ADMIN) -> Object:
        """Make the object as given, but for status and the server's metadata; returns the stored one."""
        type_, requester = self._catalogue.of_kind(obj["apiVersion"], obj["kind"]), _requester(manager, user)
        namespace = obj["metadata"].get("namespace", "default") if type_.namespaced else ""
        async with self._registry.writing:
            stored = self._registry.tables[table_of(type_)].objects.get((namespace, obj["metadata"]["name"]))
            if stored is None:
                return await self._registry.create(type_, namespace, deepcopy(obj), requester)
            return await self._registry.update(type_, stored, deepcopy(obj), requester)

    async def patch(
        self,
        api_version: str,
        kind: str,
        name: str,
        namespace: str,
        patch: Object,
        *,
        manager: str = "kubectl-patch",
        subresource: str = "",
        user: User = ADMIN,
    ) -> Object:
        """Merge `patch` into an object (RFC 7396), or into its status or scale; returns the stored object."""
        type_, requester = self._catalogue.of_kind(api_version, kind), _requester(manager, user, subresource)
        async with self._registry.writing:
            stored = find(self._registry, type_, namespace, name)
            return await self._registry.update(type_, stored, merge_patch(stored, deepcopy(patch)), requester)

    async def delete(
        self, api_version: str, kind: str, name: str, namespace: str = "", *, user: User = ADMIN
    ) -> None:
        """Delete an object, gracefully when it has finalizers. Raises Refusal when it is missing."""
        type_ = self._catalogue.of_kind(api_version, kind)
        async with self._registry.writing:
            stored = find(self._registry, type_, namespace, name)
            await self._registry.delete(type_, stored, Requester("", user=user))

    async def get(self, api_version: str, kind: str, name: str, namespace: str = "") -> Object | None:
        """The stored object, or None."""
        await trio.lowlevel.checkpoint()
        table = table_of(self._catalogue.of_kind(api_version, kind))
        return self._registry.tables[table].objects.get((namespace, name))


def _requester(manager: str, user: User, subresource: str = "") -> Requester:
    return Requester(manager, subresource=subresource, user=user, options={"fieldManager": manager})
