"""What the API server serves: every type that can be listed and watched, by its preferred version.

One request each for `/api` and `/apis` in the aggregated form; a server that does not know it is asked group
by group. A group that does not answer, or whose answer cannot be read in part, keeps its last known types
and degrades only itself; it is an error only if the server does not answer at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

import msgspec

from reverser.errors import TransientError, WithheldError
from reverser.kube.client import Client, map_concurrently
from reverser.kube.discovery_documents import (
    Group,
    GroupName,
    OldGroup,
    OldResource,
    Resource,
    ResourceList,
    Root,
    Version,
)
from reverser.model.resource import ResourceType
from reverser.unexpected_errors import contained

AGGREGATED = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
)
STALE = "the aggregated API behind it does not answer"
CORE = "core"
UNNAMED = "?"
"""Stands for a group whose name cannot be read."""
T = TypeVar("T")


class Discovery(msgspec.Struct, frozen=True):
    """One answer: the types, and the groups that could not be asked."""

    types: tuple[ResourceType, ...]
    """One version a type: the preferred one."""
    versions: tuple[ResourceType, ...]
    """Every version of these types, by preference."""
    degraded: Mapping[str, str]
    """Group -> why; its types are those that were known before."""


async def version(client: Client) -> str:
    """For example `v1.34.4`."""
    return str((await client.get("/version", into=dict)).get("gitVersion", "unknown"))


async def discover(client: Client, known: Sequence[ResourceType] = ()) -> Discovery:
    """Ask for all types. Raises TransientError when the server as a whole does not answer."""
    reading = _Reading()
    served = await _core_group(client, reading)
    root: Root = await client.get("/apis", accept=AGGREGATED, into=Root)
    if root.kind == "APIGroupDiscoveryList":
        served += _aggregated(reading.groups(root.items, Group), reading)
    else:
        served += await _group_by_group(client, reading.groups(root.groups, OldGroup), reading)
    degraded = reading.degraded_of(known)
    # What was known comes first, since a group that is only half there would show other versions.
    known_types = [type_ for type_ in known if type_.group in degraded]
    types = tuple(type_ for type_ in _first(known_types + served) if type_.watchable)
    return Discovery(types, _versions(types, known_types + served), degraded)


class _Reading:
    """Decodes one answer row by row: what cannot be read is left out, and degrades its group."""

    def __init__(self) -> None:
        self.degraded: dict[str, str] = {}
        self._named = {""}

    def rows(self, raws: Iterable[msgspec.Raw] | None, into: type[T], group: str) -> list[T]:
        """Those rows of a group that can be read."""
        return [row for raw in raws or () for row in self._row(raw, into, group)]

    def groups(self, raws: Iterable[msgspec.Raw] | None, into: type[T]) -> list[T]:
        """Those groups that can be read, of an answer that has all but the core group."""
        return [group for raw in raws or () for group in self._group(raw, into)]

    def degraded_of(self, known: Iterable[ResourceType]) -> Mapping[str, str]:
        """Group -> why; a group that cannot be read and has no name may be any known one that is missing."""
        if UNNAMED not in self.degraded:
            return self.degraded
        missing = {type_.group for type_ in known} - self._named
        return (
            dict.fromkeys(missing, "a group of the answer has no name, and may be this one") | self.degraded
        )

    def _group(self, raw: msgspec.Raw, into: type[T]) -> list[T]:
        names = [each.metadata.name or each.name for each in self._row(raw, GroupName, UNNAMED)]
        if names == [""]:
            self.degraded[UNNAMED] = "it has no name"
        if not any(names):
            return []
        self._named.update(names)
        return self._row(raw, into, names[0])

    def _row(self, raw: msgspec.Raw, into: type[T], group: str) -> list[T]:
        try:
            with contained("discovery", group or CORE):
                return [msgspec.json.decode(raw, type=into)]
        except WithheldError as error:
            self.degraded[group] = f"a part of it cannot be read ({error.message})"
            return []


async def _core_group(client: Client, reading: _Reading) -> list[ResourceType]:
    root: Root = await client.get("/api", accept=AGGREGATED, into=Root)
    if root.kind == "APIGroupDiscoveryList":
        return _aggregated(reading.rows(root.items, Group, ""), reading)
    return await _lists(client, "", [f"/api/{name}" for name in root.versions or ()], reading)


def _aggregated(groups: Iterable[Group], reading: _Reading) -> list[ResourceType]:
    return [type_ for group in groups for type_ in _from_group(group, reading)]


def _from_group(group: Group, reading: _Reading) -> list[ResourceType]:
    name, types = group.metadata.name, list[ResourceType]()
    for version in reading.rows(group.versions, Version, name):
        if name and version.freshness == "Stale":
            reading.degraded[name] = STALE
        types += [
            _from_row(name, version.version, row) for row in reading.rows(version.resources, Resource, name)
        ]
    return types


def _from_row(group: str, name: str, row: Resource) -> ResourceType:
    return ResourceType(
        group=group,
        version=name,
        resource=row.resource,
        kind=row.response_kind.kind if row.response_kind else "",
        namespaced=row.scope == "Namespaced",
        verbs=row.verbs or (),
        short_names=row.short_names or (),
        singular=row.singular_resource,
        categories=row.categories or (),
        subresources=tuple(sub.subresource for sub in row.subresources or ()),
    )


async def _group_by_group(
    client: Client, groups: Sequence[OldGroup], reading: _Reading
) -> list[ResourceType]:
    async def ask(group: OldGroup) -> list[ResourceType]:
        try:
            return await _lists(client, group.name, _version_paths(group, reading), reading)
        except TransientError as error:
            reading.degraded[group.name] = error.message
            return []

    return [type_ for types in await map_concurrently(groups, ask) for type_ in types]


def _version_paths(group: OldGroup, reading: _Reading) -> list[str]:
    preferred = group.preferred_version.version if group.preferred_version else ""
    versions = reading.rows(group.versions, Version, group.name)
    names = sorted((each.version for each in versions), key=lambda name: name != preferred)
    return [f"/apis/{group.name}/{name}" for name in names]


async def _lists(client: Client, group: str, paths: Iterable[str], reading: _Reading) -> list[ResourceType]:
    answers: list[ResourceList] = [await client.get(path, into=ResourceList) for path in paths]
    return [type_ for answer in answers for type_ in _from_list(group, answer, reading)]


def _from_list(group: str, answer: ResourceList, reading: _Reading) -> list[ResourceType]:
    rows = reading.rows(answer.resources, OldResource, group)
    name = answer.group_version.rpartition("/")[2]
    return [_from_old_row(group, name, row, rows) for row in rows if "/" not in row.name]


def _from_old_row(group: str, name: str, row: OldResource, rows: Iterable[OldResource]) -> ResourceType:
    return ResourceType(
        group=group,
        version=name,
        resource=row.name,
        kind=row.kind,
        namespaced=row.namespaced,
        verbs=row.verbs or (),
        short_names=row.short_names or (),
        singular=row.singular_name,
        categories=row.categories or (),
        subresources=tuple(r.name.partition("/")[2] for r in rows if r.name.startswith(f"{row.name}/")),
    )


def _first(types: Iterable[ResourceType]) -> list[ResourceType]:
    """One version a type: the first, since servers order versions by preference."""
    first: dict[tuple[str, str], ResourceType] = {}
    for type_ in types:
        first.setdefault((type_.group, type_.resource), type_)
    return list(first.values())


def _versions(types: Iterable[ResourceType], every: Iterable[ResourceType]) -> tuple[ResourceType, ...]:
    places = {(type_.group, type_.resource) for type_ in types}
    versions: dict[tuple[str, str, str], ResourceType] = {}
    for type_ in every:
        if type_.watchable and (type_.group, type_.resource) in places:
            versions.setdefault((type_.group, type_.resource, type_.version), type_)
    return tuple(versions.values())
