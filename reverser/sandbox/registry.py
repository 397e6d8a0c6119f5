"""What each write means: the rules that stand between a request and the store, and the store itself.

Names and uids are given, versions compared, status and specification written apart, the writer credited,
webhooks asked about each write of somebody else than the server, finalizers waited for. A write that changes
nothing is no write. Deleting a namespace empties it, by the hand of the namespace controller; deleting a
CustomResourceDefinition deletes its objects, and its type is served no more.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime

import trio

from reverser.manifest.diff import same
from reverser.model.resource import ResourceType
from reverser.sandbox.managed_fields import SERVER_FIELDS, Requester, apply, credit
from reverser.sandbox.patch import strategic
from reverser.sandbox.refusal import Refusal
from reverser.sandbox.store import Object, Table, TableEvent
from reverser.sandbox.types import Catalogue, custom_type, table_of
from reverser.sandbox.users import NAMESPACE_CONTROLLER
from reverser.sandbox.webhooks import PendingWrite, ask_webhooks

FIRST_REVISION = 100
"""As on a real server, history never reaches back to revision 1: a watch from there is too old."""
DEFINITIONS = ("apiextensions.k8s.io", "customresourcedefinitions")
NAMESPACES = ("", "namespaces")

_FIRST_NAMESPACES = ("default", "kube-system")
_EMPTYING = Requester("", user=NAMESPACE_CONTROLLER, options={"propagationPolicy": "Background"})


class Registry:
    """All objects, in memory; creates, updates and deletes those of any type."""

    def __init__(self, catalogue: Catalogue) -> None:
        self.revision = FIRST_REVISION
        self.tables = {table_of(type_): Table(FIRST_REVISION) for type_ in catalogue}
        self.writing = trio.Lock()
        """Held from reading an object to storing its next version, while webhooks are asked about it."""
        self._catalogue = catalogue
        self._watches = trio.lowlevel.ParkingLot()
        self._namespaces = catalogue.find("", "v1", "namespaces")
        for name in _FIRST_NAMESPACES:
            content = self._new(self._namespaces, "", {"metadata": {"name": name}})
            self._store(self._namespaces, credit({}, content, Requester("kube-apiserver"), now()))

    async def changed(self) -> None:
        """Return when there may be something new."""
        await self._watches.park()

    async def create(self, type_: ResourceType, namespace: str, obj: Object, requester: Requester) -> Object:
        """Store a new object. Refuses a name that is missing (Invalid) or taken (AlreadyExists)."""
        if type_.namespaced:
            self._check_namespace(namespace)
        content = self._new(type_, namespace, obj)
        if requester.operation == "Apply":
            content = apply({}, content, obj, requester, now())
        else:
            content = credit({}, content, requester, now())
        await ask_webhooks(self.tables, PendingWrite("CREATE", type_, requester, content, None))
        if table_of(type_) == DEFINITIONS:
            self._serve(custom_type(content))
        return self._store(type_, content)

    async def update(self, type_: ResourceType, before: Object, obj: Object, requester: Requester) -> Object:
        """Store the next version. An applier's `obj` is merged in, anybody else's is the whole object.

        Refuses with Conflict when `obj` names another version or another uid.
        """
        _check_version(type_, before["metadata"], obj.get("metadata") or {})
        if requester.operation == "Apply":
            content = _next(before, strategic(before, obj), requester)
            content = apply(before, content, obj, requester, now())
        else:
            content = credit(before, _next(before, obj, requester), requester, now())
        if same(_comparable(content), _comparable(before)):
            content = before
        await ask_webhooks(self.tables, PendingWrite("UPDATE", type_, requester, content, before))
        if content is before:
            return before
        stored = self._store(type_, content)
        self._release(stored["metadata"].get("namespace", ""))
        return stored

    async def delete(
        self, type_: ResourceType, obj: Object, requester: Requester, *, from_collection: bool = False
    ) -> Object:
        """Remove an object with all that depends on it, or mark it when finalizers are to be waited for."""
        await ask_webhooks(self.tables, PendingWrite("DELETE", type_, requester, None, obj, from_collection))
        if "deletionTimestamp" in obj["metadata"]:
            return obj
        marks = {"deletionTimestamp": now(), "deletionGracePeriodSeconds": 0}
        obj = {**obj, "metadata": obj["metadata"] | marks}
        if table_of(type_) == NAMESPACES:
            obj = self._store(type_, {**obj, "status": {"phase": "Terminating"}})
            for each, content in list(self._content(obj["metadata"]["name"])):
                await self.delete(each, content, _EMPTYING, from_collection=True)
            self._release(obj["metadata"]["name"])
            return obj
        if table_of(type_) == DEFINITIONS:
            self._withdraw(custom_type(obj))
        removed = self._store(type_, obj)
        self._release(removed["metadata"].get("namespace", ""))
        return removed

    def _new(self, type_: ResourceType, namespace: str, obj: Object) -> Object:
        metadata = {
            key: value
            for key, value in (obj.get("metadata") or {}).items()
            if key not in SERVER_FIELDS and value not in (None, {}, [])
        }
        metadata |= {"name": _name(type_, obj), "uid": str(uuid.uuid4()), "creationTimestamp": now()}
        if (namespace, metadata["name"]) in self.tables[table_of(type_)].objects:
            raise Refusal("AlreadyExists", f'{type_.name} "{metadata["name"]}" already exists')
        if namespace:
            metadata["namespace"] = namespace
        rest = {key: value for key, value in obj.items() if key not in ("metadata", "status")}
        if table_of(type_) == NAMESPACES:
            metadata["labels"] = {
                "kubernetes.io/metadata.name": metadata["name"],
                **metadata.get("labels", {}),
            }
            rest |= {"spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
        return {**rest, "kind": type_.kind, "apiVersion": type_.api_version, "metadata": metadata}

    def _check_namespace(self, name: str) -> None:
        namespace = self.tables[NAMESPACES].objects.get(("", name))
        if namespace is None:
            raise Refusal("NotFound", f'namespaces "{name}" not found')
        if "deletionTimestamp" in namespace["metadata"]:
            raise Refusal("Forbidden", f"unable to create new content in namespace {name}: terminating")

    def _store(self, type_: ResourceType, content: Object) -> Object:
        """The next version, or the last one of what is marked for deletion and awaited by nobody."""
        self.revision += 1
        stored = {**content, "metadata": {**content["metadata"], "resourceVersion": str(self.revision)}}
        metadata, table = stored["metadata"], self.tables[table_of(type_)]
        key = (metadata.get("namespace", ""), metadata["name"])
        before = table.objects.pop(key, None)
        if "deletionTimestamp" in metadata and not _finalizers(type_, stored):
            kind = "DELETED"
        else:
            kind, table.objects[key] = "MODIFIED" if before else "ADDED", stored
        table.events.append(TableEvent(self.revision, kind, stored, before))
        self._watches.unpark_all()
        return stored

    def _release(self, name: str) -> None:
        """Let a namespace go that waited for its content to go."""
        namespace = self.tables[NAMESPACES].objects.get(("", name))
        if namespace and "deletionTimestamp" in namespace["metadata"] and not any(self._content(name)):
            self._store(self._namespaces, {**namespace, "spec": {}})

    def _content(self, namespace: str) -> Iterator[tuple[ResourceType, Object]]:
        for type_ in self._catalogue:
            if type_.namespaced:
                objects = self.tables[table_of(type_)].objects.items()
                yield from ((type_, obj) for (home, _), obj in objects if home == namespace)

    def _serve(self, type_: ResourceType) -> None:
        self._catalogue.add(type_)
        self.tables.setdefault(table_of(type_), Table(self.revision))

    def _withdraw(self, type_: ResourceType) -> None:
        for obj in list(self.tables[table_of(type_)].objects.values()):
            metadata = {**obj["metadata"], "deletionTimestamp": now(), "finalizers": []}
            self._store(type_, {**obj, "metadata": metadata})
        self._catalogue.remove(table_of(type_))
        del self.tables[table_of(type_)]


def now() -> str:
    """The time as the API spells it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _finalizers(type_: ResourceType, content: Object) -> list[str]:
    """What keeps a marked object. A namespace has a finalizer of its own, in the specification."""
    finalizers: list[str] = list(content["metadata"].get("finalizers") or ())
    return finalizers + (content["spec"].get("finalizers", []) if table_of(type_) == NAMESPACES else [])


def _name(type_: ResourceType, obj: Object) -> str:
    metadata = obj.get("metadata") or {}
    prefix = metadata.get("generateName", "")
    name: str = metadata.get("name") or (prefix and prefix + secrets.token_hex(3)[:5])
    if not name:
        message = "metadata.name: Required value: name or generateName is required"
        raise Refusal("Invalid", f'{type_.kind} "" is invalid: {message}')
    return name


def _check_version(type_: ResourceType, before: Object, wanted: Object) -> None:
    for field in ("uid", "resourceVersion"):
        if wanted.get(field, before[field]) not in ("", before[field]):
            what = f'Operation cannot be fulfilled on {type_.name} "{before["name"]}"'
            raise Refusal("Conflict", f"{what}: the object has been modified; please try again")


def _next(before: Object, obj: Object, requester: Requester) -> Object:
    """The new content, with everything that this writer may not change taken from the old one."""
    if requester.subresource == "status":
        content = {**before, "status": obj.get("status", {})}
    else:
        status = {"status": before["status"]} if "status" in before else {}
        content = {key: value for key, value in obj.items() if key != "status"} | status
    metadata = {
        key: value
        for key, value in (content.get("metadata") or {}).items()
        if key not in SERVER_FIELDS and value not in (None, {}, [])
    }
    fixed = {key: before["metadata"][key] for key in SERVER_FIELDS if key in before["metadata"]}
    identity = {"kind": before["kind"], "apiVersion": before["apiVersion"]}
    return {**content, **identity, "metadata": metadata | fixed}


def _comparable(content: Object) -> Object:
    """What must differ for a write to be one: all but the times of managers, and their order."""
    owned = {
        (entry["manager"], entry["operation"], entry.get("subresource")): entry["fieldsV1"]
        for entry in content["metadata"].get("managedFields", ())
    }
    metadata = {key: value for key, value in content["metadata"].items() if key != "managedFields"}
    return {**content, "metadata": metadata, "owned": owned}
