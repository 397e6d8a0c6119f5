"""The objects of one kind in one scope, as a list and a watch have told of them. Pure.

A list that is not complete removes nothing. An object is stored without what changes by itself: its status
and its version are set apart, so that the daemon's own status writes change no object. One that cannot be
decoded is named with the reason, and stops nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import msgspec

from reverser.custom_resources.api_types import (
    AnyObject,
    AnyStatus,
    GitRepoConfig,
    GitRepoConfigStatus,
    ObjectMetadata,
    RuleStatus,
)
from reverser.custom_resources.model import ObjectName
from reverser.model.change import Change, ListCompleted, ListStarted, Observation, StartedOver

T = TypeVar("T", bound=AnyObject)
ERROR_LENGTH = 500


class StoredStatus(msgspec.Struct, frozen=True):
    """What an object's status says in the API server, and of which version of the object."""

    status: AnyStatus
    resource_version: str


class Unreadable(msgspec.Struct, frozen=True):
    """An object that cannot be decoded."""

    metadata: ObjectMetadata
    message: str


class ObjectTable(Generic[T]):
    """All objects of one kind in one scope."""

    def __init__(self, type_: type[T]) -> None:
        self._type = type_
        self._seen: set[ObjectName] | None = None
        self._objects: dict[ObjectName, T] = {}
        self._statuses: dict[ObjectName, StoredStatus] = {}
        self._unreadable: dict[ObjectName, Unreadable] = {}
        self.complete = False
        """Whether a whole list was read."""

    @property
    def objects(self) -> Mapping[ObjectName, T]:
        """Those that can be read, with an empty status."""
        return self._objects

    @property
    def statuses(self) -> Mapping[ObjectName, StoredStatus]:
        """The status of each of these."""
        return self._statuses

    @property
    def unreadable(self) -> Mapping[ObjectName, Unreadable]:
        """The others."""
        return self._unreadable

    def clear(self) -> bool:
        """The kind is not served any more; whether there were objects."""
        known = [*self._objects, *self._unreadable]
        for name in known:
            self._remove(name)
        self.complete, self._seen = False, None
        return bool(known)

    def take(self, observation: Observation) -> bool:
        """Take over an observation; whether anything changed that is no status."""
        if isinstance(observation, ListStarted):
            self._seen = set()
        elif isinstance(observation, ListCompleted):
            return self._completed()
        elif isinstance(observation, Change):
            return self._changed(observation)
        elif isinstance(observation, StartedOver):
            self._seen = None
        return False

    def _completed(self) -> bool:
        first, self.complete = not self.complete, True
        absent = {*self._objects, *self._unreadable} - (self._seen if self._seen is not None else set())
        self._seen = None
        for name in absent:
            self._remove(name)
        return first or bool(absent)

    def _changed(self, change: Change) -> bool:
        name = ObjectName(change.key.namespace, change.key.name)
        if change.deleted:
            return self._remove(name)
        if self._seen is not None:
            self._seen.add(name)
        before = self._objects.get(name), self._unreadable.get(name)
        self._remove(name)
        self._store(name, change)
        return before != (self._objects.get(name), self._unreadable.get(name))

    def _store(self, name: ObjectName, change: Change) -> None:
        try:
            read = msgspec.convert(change.object, self._type)
        except (msgspec.ValidationError, RecursionError) as error:
            message = "it is nested too deep" if change.unreadable else str(error)[:ERROR_LENGTH]
            self._unreadable[name] = Unreadable(_metadata(change.object, name), message)
            return
        version = read.metadata.resource_version
        empty: Any = GitRepoConfigStatus() if isinstance(read, GitRepoConfig) else RuleStatus()
        metadata = msgspec.structs.replace(read.metadata, resource_version="")
        self._objects[name] = msgspec.structs.replace(read, metadata=metadata, status=empty)
        self._statuses[name] = StoredStatus(read.status, version)

    def _remove(self, name: ObjectName) -> bool:
        self._statuses.pop(name, None)
        stored = self._objects.pop(name, None)
        return self._unreadable.pop(name, None) is not None or stored is not None


def _metadata(obj: Mapping[str, Any], name: ObjectName) -> ObjectMetadata:
    """As much of an unreadable object's metadata as its status needs."""
    metadata = obj.get("metadata")
    known = metadata if isinstance(metadata, dict) else {}
    generation = known.get("generation")
    return ObjectMetadata(
        name=name.name,
        namespace=name.namespace,
        uid=str(known.get("uid", "")),
        generation=generation if isinstance(generation, int) else 0,
    )


class NamespaceTable:
    """The labels of all namespaces, by the same observations."""

    def __init__(self) -> None:
        self._seen: set[str] | None = None
        self.labels: dict[str, Mapping[str, str]] = {}
        """Name of a namespace -> its labels."""

    def take(self, observation: Observation) -> bool:
        """Take over an observation; whether a namespace or a label changed."""
        if isinstance(observation, ListStarted):
            self._seen = set()
        elif isinstance(observation, ListCompleted):
            absent = self.labels.keys() - (self._seen or set())
            for name in absent:
                del self.labels[name]
            self._seen = None
            return bool(absent)
        elif isinstance(observation, Change):
            return self._changed(observation)
        return False

    def _changed(self, change: Change) -> bool:
        name = change.key.name
        if change.removed:
            return self.labels.pop(name, None) is not None
        if self._seen is not None:
            self._seen.add(name)
        return self.put(name, change.object)

    def put(self, name: str, namespace: Mapping[str, Any] | None) -> bool:
        """One namespace as it was read, None: there is none; whether that changed anything."""
        before = self.labels.get(name)
        if namespace is None:
            return self.labels.pop(name, None) is not None
        labels = (namespace.get("metadata") or {}).get("labels") or {}
        self.labels[name] = {str(key): str(value) for key, value in labels.items()}
        return before != self.labels[name]
