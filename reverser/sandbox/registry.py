"""What each write means: the rules that stand between a request and the storage.

Comes in: an object and whose hand it is; goes out: its next version, which `write` stores once webhooks
have been asked about it. In between: names and uids are given, versions compared, status and
specification kept apart, generations counted, the writer credited, finalizers waited for. A write that
changes nothing is no write. What follows from writes to definitions and namespaces is left to `effects`.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

from reverser.manifest.equality import same
from reverser.sandbox import managers
from reverser.sandbox.history import Stored
from reverser.sandbox.managers import Writer
from reverser.sandbox.patch import strategic
from reverser.sandbox.refusal import Refusal
from reverser.sandbox.storage import Storage
from reverser.sandbox.store import Object, decode
from reverser.sandbox.types import Served

NAMESPACES = ("", "namespaces")

_SET_ONCE = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "namespace",
    "name",
)
"""Metadata that the server sets once."""

_UNWRITABLE = (*_SET_ONCE, "generation", "resourceVersion", "managedFields")
"""Metadata that no writer sets."""


def now() -> str:
    """The time as the API spells it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Registry:
    """Creates, updates and deletes objects of any type."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def prepare_create(
        self, served: Served, namespace: str, obj: Object, writer: Writer, status: Object | None = None
    ) -> Object:
        """A new object. Refuses a name that is missing (Invalid) or taken (AlreadyExists)."""
        name = _name(served, obj)
        table = self._storage.tables[served.table]
        if (namespace, name) in table.objects:
            raise Refusal("AlreadyExists", f'{served.type.name} "{name}" already exists')
        metadata = {k: v for k, v in (obj.get("metadata") or {}).items() if k not in _SET_ONCE}
        metadata |= {"name": name, "uid": str(uuid.uuid4()), "creationTimestamp": now()}
        if namespace:
            metadata["namespace"] = namespace
        if served.counts_generations:
            metadata["generation"] = 1
        content = _content(obj) | {"metadata": metadata}
        if served.type.has_status:
            content.pop("status", None)
        content = self._credit({}, content, obj, served, writer)
        if served.type.has_status and not served.custom:
            # A built-in type always has a status field; a custom resource has one once it is written.
            content["status"] = status or {}
        return content

    def prepare_update(self, served: Served, before: Object, obj: Object, writer: Writer) -> Object:
        """The next version, `before` itself when nothing changes.

        An applier's `obj` is merged in, anybody else's is the whole object. Refuses with Conflict when
        `obj` names another version or another uid.
        """
        _compare(served, before["metadata"], obj.get("metadata") or {})
        whole = strategic(before, _content(obj)) if writer.operation == "Apply" else obj
        content = self._credit(before, _next(served, before, whole, writer), obj, served, writer)
        if same(_comparable(content), _comparable(before)):
            return before
        if served.counts_generations and not same(
            _specification(served, content), _specification(served, before)
        ):
            content["metadata"]["generation"] += 1
        return content

    def delete(self, served: Served, stored: Stored, mark: Callable[[Object], None] | None = None) -> Stored:
        """Remove the object; when somebody's finalizer is to be waited for, mark it and let `mark` add."""
        content = decode(stored)
        metadata = content["metadata"]
        if "deletionTimestamp" in metadata:
            return stored
        if mark:
            mark(content)
        metadata |= {"deletionTimestamp": now(), "deletionGracePeriodSeconds": 0}
        if "generation" in metadata and awaited(served, content):
            metadata["generation"] += 1
        return self.write(served, content)

    def amend(self, served: Served, stored: Stored, change: Callable[[Object], None]) -> Stored:
        """Let the server itself change an object: nobody is credited, no rule is applied."""
        content = decode(stored)
        change(content)
        return self.write(served, content)

    def write(self, served: Served, content: Object) -> Stored:
        """Store the next version; one that is marked for deletion, and awaited by nobody, goes."""
        table = self._storage.tables[served.table]
        if "deletionTimestamp" in content["metadata"] and not awaited(served, content):
            return self._storage.remove(table, content)
        return self._storage.write(table, content)

    def _credit(self, before: Object, content: Object, obj: Object, served: Served, writer: Writer) -> Object:
        version = served.type.api_version
        if writer.operation == "Apply":
            return managers.apply(before, content, _content(obj), writer, version, now())
        return managers.credit(before, content, writer, version, now())


def awaited(served: Served, content: Object) -> list[str]:
    """The finalizers that keep a marked object. A namespace has its own kind, in the specification."""
    finalizers: list[str] = list(content["metadata"].get("finalizers") or ())
    if served.table == NAMESPACES:
        finalizers += content["spec"].get("finalizers", ())
    return finalizers


def _content(obj: Object) -> Object:
    return {key: value for key, value in obj.items() if key not in ("kind", "apiVersion")}


def _name(served: Served, obj: Object) -> str:
    metadata = obj.get("metadata") or {}
    prefix = metadata.get("generateName", "")
    name: str = metadata.get("name") or (prefix and prefix + secrets.token_hex(3)[:5])
    if not name:
        message = "metadata.name: Required value: name or generateName is required"
        raise Refusal("Invalid", f'{served.type.kind} "" is invalid: {message}')
    return name


def _compare(served: Served, before: Object, wanted: Object) -> None:
    for field in ("resourceVersion", "uid"):
        if wanted.get(field, before[field]) not in ("", before[field]):
            what = f'Operation cannot be fulfilled on {served.type.name} "{before["name"]}"'
            raise Refusal("Conflict", f"{what}: the object has been modified; please try again")


def _next(served: Served, before: Object, obj: Object, writer: Writer) -> Object:
    """The new content, with everything that this writer may not change taken from the old one."""
    if writer.subresource == "status":
        content = {**before, "status": obj.get("status", before.get("status"))}
        # Built-in controllers annotate through /status (deployment.kubernetes.io/revision); for
        # custom resources the server ignores metadata there.
        wanted = before["metadata"] if served.custom else before["metadata"] | (obj.get("metadata") or {})
    else:
        content = _content(obj)
        wanted = obj.get("metadata") or {}
        if served.type.has_status:
            content.pop("status", None)
            content |= {"status": before["status"]} if "status" in before else {}
    unwritable = {field: before["metadata"][field] for field in _UNWRITABLE if field in before["metadata"]}
    return {
        "metadata": _writable(wanted) | unwritable,
        **{k: v for k, v in content.items() if k != "metadata"},
    }


def _writable(metadata: Object) -> Object:
    return {
        key: value
        for key, value in metadata.items()
        if key not in _UNWRITABLE and value not in (None, {}, [])
    }


def _comparable(content: Object) -> Object:
    """What must differ for a write to be one: all but the times of managers, and their order."""
    owned = {
        (entry["manager"], entry["operation"], entry.get("subresource")): entry["fieldsV1"]
        for entry in content["metadata"].get("managedFields", ())
    }
    metadata = {key: value for key, value in content["metadata"].items() if key != "managedFields"}
    return content | {"metadata": metadata, "owned": owned}


def _specification(served: Served, content: Object) -> Object:
    ignored = ("metadata", "status") if served.type.has_status else ("metadata",)
    return {key: value for key, value in content.items() if key not in ignored}
