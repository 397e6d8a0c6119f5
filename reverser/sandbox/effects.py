"""What follows from writes to definitions and namespaces, as a server and its controllers do it.

A definition is established and served at once; deleting it deletes every object first, one by one.
Deleting a namespace empties it, by the hand of the namespace controller; it goes when its last object
has gone. Webhooks are asked about each write of somebody else than the server itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from reverser.sandbox import custom
from reverser.sandbox.catalogue import Catalogue
from reverser.sandbox.history import Stored
from reverser.sandbox.managers import Writer
from reverser.sandbox.refusal import Refusal
from reverser.sandbox.registry import NAMESPACES, Registry, now
from reverser.sandbox.storage import Storage
from reverser.sandbox.store import Object, decode
from reverser.sandbox.types import Served
from reverser.sandbox.users import NAMESPACE_CONTROLLER
from reverser.sandbox.webhooks import Webhooks, Write

_SERVER = Writer("kube-apiserver", subresource="status")
_EMPTYING = Writer("", user=NAMESPACE_CONTROLLER, options={"propagationPolicy": "Background"})
_FIRST_NAMESPACES = ("default", "kube-system")


class Effects:
    """The registry, with definitions and namespaces understood."""

    def __init__(self, catalogue: Catalogue, storage: Storage) -> None:
        self._catalogue = catalogue
        self._storage = storage
        self._registry = Registry(storage)
        self._webhooks = Webhooks(storage)
        for served in catalogue:
            storage.open(served.table)
        for name in _FIRST_NAMESPACES:
            served, namespace = catalogue.find("", "v1", "namespaces"), {"metadata": {"name": name}}
            self._registry.write(served, self._new(served, "", namespace, Writer("kube-apiserver")))

    async def create(self, served: Served, namespace: str, obj: Object, writer: Writer) -> Stored:
        """Store a new object; what it brings about has happened on return."""
        content = self._new(served, namespace, obj, writer)
        await self._webhooks.ask(Write("CREATE", served, writer, content, None))
        stored = self._registry.write(served, content)
        return self._establish(served, stored) if served.table == custom.CRD else stored

    async def update(self, served: Served, stored: Stored, obj: Object, writer: Writer) -> Stored:
        """Store the next version; what it brings about has happened on return."""
        before = decode(stored)
        content = self._registry.prepare_update(served, before, obj, writer)
        await self._webhooks.ask(Write("UPDATE", served, writer, content, before))
        if content is before:
            return stored
        updated = self._registry.write(served, content)
        if served.table == custom.CRD and "deletionTimestamp" not in decode(updated)["metadata"]:
            return self._establish(served, updated)
        self._release_empty(updated.namespace)
        return updated

    async def delete(
        self, served: Served, stored: Stored, writer: Writer, *, from_collection: bool = False
    ) -> Stored:
        """Remove or mark an object, with what depends on it."""
        await self._webhooks.ask(Write("DELETE", served, writer, None, decode(stored), from_collection))
        if served.table == custom.CRD:
            return self._withdraw(served, stored)
        if served.table == NAMESPACES:
            return await self._empty(served, stored)
        removed = self._registry.delete(served, stored)
        self._release_empty(removed.namespace)
        return removed

    def _new(self, served: Served, namespace: str, obj: Object, writer: Writer) -> Object:
        if served.table == NAMESPACES:
            return self._registry.prepare_create(served, "", _namespace(obj), writer, {"phase": "Active"})
        if served.table == custom.CRD:
            return self._registry.prepare_create(served, "", custom.completed(obj), writer)
        if served.type.namespaced:
            self._check_home(namespace)
        return self._registry.prepare_create(served, namespace, obj, writer)

    def _check_home(self, namespace: str) -> None:
        home = self._storage.tables[NAMESPACES].objects.get(("", namespace))
        if home is None:
            raise Refusal("NotFound", f'namespaces "{namespace}" not found')
        if "deletionTimestamp" in decode(home)["metadata"]:
            raise Refusal("Forbidden", f"unable to create new content in namespace {namespace}: terminating")

    def _establish(self, served: Served, stored: Stored) -> Stored:
        definition = decode(stored)
        self._catalogue.remove(custom.table(definition))
        self._catalogue.add(custom.served_by(definition))
        self._storage.open(custom.table(definition))
        if definition["status"]:
            return stored
        definition["status"] = custom.established(definition, now())
        content = self._registry.prepare_update(served, decode(stored), definition, _SERVER)
        return self._registry.write(served, content)

    def _withdraw(self, served: Served, stored: Stored) -> Stored:
        marked = self._registry.delete(served, stored, custom.hold)
        name = custom.table(decode(stored))
        if name in self._storage.tables:
            table = self._storage.tables[name]
            for obj in list(table.objects.values()):
                self._storage.remove(table, decode(obj))
            self._catalogue.remove(name)
            self._storage.drop(name)
        return self._registry.amend(served, marked, custom.release)

    async def _empty(self, served: Served, stored: Stored) -> Stored:
        marked = self._registry.delete(served, stored, _terminate)
        for kind, content in list(self._content(stored.name)):
            await self._webhooks.ask(
                Write("DELETE", kind, _EMPTYING, None, decode(content), from_collection=True)
            )
            self._registry.delete(kind, content)
        self._release_empty(stored.name)
        return marked

    def _content(self, namespace: str) -> Iterator[tuple[Served, Stored]]:
        for served in {served.table: served for served in self._catalogue if served.type.namespaced}.values():
            for stored in self._storage.tables[served.table].objects.values():
                if stored.namespace == namespace:
                    yield served, stored

    def _release_empty(self, namespace: str) -> None:
        """Let a namespace go that waited for its content to go."""
        home = self._storage.tables[NAMESPACES].objects.get(("", namespace))
        if home is None or "deletionTimestamp" not in decode(home)["metadata"]:
            return
        if not any(True for _ in self._content(namespace)):
            self._registry.amend(self._catalogue.find("", "v1", "namespaces"), home, _release)


def _namespace(obj: Object) -> Object:
    metadata = obj.get("metadata") or {}
    labels = {**metadata.get("labels", {}), "kubernetes.io/metadata.name": metadata.get("name", "")}
    return {**obj, "metadata": {**metadata, "labels": labels}, "spec": {"finalizers": ["kubernetes"]}}


def _terminate(content: Object) -> None:
    content["status"] = {"phase": "Terminating"}


def _release(content: Object) -> None:
    content["spec"] = {}
