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
from pathlib import Path
from typing import Any

import trio

from reverser.http.connection import serve_connections
from reverser.manifest.merge_patch import merge_patch
from reverser.sandbox.app import App
from reverser.sandbox.catalogue import Catalogue
from reverser.sandbox.effects import Effects
from reverser.sandbox.history import Stored
from reverser.sandbox.managers import Writer
from reverser.sandbox.reading import Reading
from reverser.sandbox.refusal import Refusal
from reverser.sandbox.storage import Storage
from reverser.sandbox.store import decode, find
from reverser.sandbox.types import Served
from reverser.sandbox.users import ADMIN, BY_NAME, PREFIX, User
from reverser.sandbox.writing import Writing

Object = dict[str, Any]


class Sandbox:
    """One API server."""

    def __init__(self, *, bookmark_seconds: float = 60) -> None:
        self.url = ""
        """Known once it serves."""
        self._storage = Storage()
        self._catalogue = Catalogue()
        self._effects = Effects(self._catalogue, self._storage)
        writing = Writing(Reading(self._catalogue, self._storage), self._storage, self._effects)
        self._app = App(self._catalogue, self._storage, writing.answer, bookmark_seconds)
        self.faults = self._app.faults
        """What goes wrong with requests to come."""

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
        await serve_connections(self._app, listeners)

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
        served, writer = self._served(obj["apiVersion"], obj["kind"]), _writer(manager, user)
        namespace = obj["metadata"].get("namespace", "default") if served.type.namespaced else ""
        async with self._storage.writing:
            stored = self._find(served, namespace, obj["metadata"]["name"])
            if stored is None:
                return _object(served, await self._effects.create(served, namespace, obj, writer))
            return _object(served, await self._effects.update(served, stored, obj, writer))

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
        served, writer = self._served(api_version, kind), _writer(manager, user, subresource)
        async with self._storage.writing:
            stored = find(self._storage, served, namespace, name)
            patched = merge_patch(decode(stored), patch)
            return _object(served, await self._effects.update(served, stored, patched, writer))

    async def delete(
        self, api_version: str, kind: str, name: str, namespace: str = "", *, user: User = ADMIN
    ) -> None:
        """Delete an object, gracefully when it has finalizers. Raises Refusal when it is missing."""
        served = self._served(api_version, kind)
        async with self._storage.writing:
            stored = find(self._storage, served, namespace, name)
            await self._effects.delete(served, stored, Writer("", user=user))

    async def get(self, api_version: str, kind: str, name: str, namespace: str = "") -> Object | None:
        """The stored object, or None."""
        await trio.lowlevel.checkpoint()
        served = self._served(api_version, kind)
        stored = self._find(served, namespace, name)
        return _object(served, stored) if stored else None

    def _served(self, api_version: str, kind: str) -> Served:
        return self._catalogue.of_kind(api_version, kind)

    def _find(self, served: Served, namespace: str, name: str) -> Stored | None:
        try:
            return find(self._storage, served, namespace, name)
        except Refusal:
            return None


def _writer(manager: str, user: User, subresource: str = "") -> Writer:
    return Writer(manager, subresource=subresource, user=user, options={"fieldManager": manager})


def _object(served: Served, stored: Stored) -> Object:
    return {"apiVersion": served.type.api_version, "kind": served.type.kind, **decode(stored)}
