"""What the API server serves: every type that can be listed and watched, by its preferred version.

One request each for `/api` and `/apis` in the aggregated form; a server that does not know it is
asked group by group. A group that does not answer keeps its last known types and degrades only
itself; only a server that does not answer at all is an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from reverser.errors import TransientError
from reverser.kube.catalogue import Group, OldGroup, OldResource, Resource, ResourceList, Root
from reverser.kube.client import Client
from reverser.kube.together import ask_each
from reverser.model.resource import ResourceType

AGGREGATED = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
)
STALE = "the aggregated API behind it does not answer"


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
    degraded: dict[str, str] = {}
    served = await _core(client)
    root: Root = await client.get("/apis", accept=AGGREGATED, into=Root)
    if root.kind == "APIGroupDiscoveryList":
        served += _aggregated(root, degraded)
    else:
        served += await _group_by_group(client, root, degraded)
    # What was known comes first, since a group that is only half there would show other versions.
    kept = [type_ for type_ in known if type_.group in degraded]
    types = tuple(type_ for type_ in _first(kept + served) if type_.watchable)
    return Discovery(types, _versions(types, kept + served), degraded)


async def _core(client: Client) -> list[ResourceType]:
    root: Root = await client.get("/api", accept=AGGREGATED, into=Root)
    if root.kind == "APIGroupDiscoveryList":
        return _aggregated(root, {})
    return await _lists(client, "", [f"/api/{name}" for name in root.versions or ()])


def _aggregated(root: Root, degraded: dict[str, str]) -> list[ResourceType]:
    groups = root.items or ()
    for group in groups:
        if any(version.freshness == "Stale" for version in group.versions or ()):
            degraded[group.metadata.name] = STALE
    return [type_ for group in groups for type_ in _from_group(group)]


def _from_group(group: Group) -> list[ResourceType]:
    rows = [(version.version, row) for version in group.versions or () for row in version.resources or ()]
    return [_from_row(group.metadata.name, name, row) for name, row in rows]


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


async def _group_by_group(client: Client, root: Root, degraded: dict[str, str]) -> list[ResourceType]:
    async def ask(group: OldGroup) -> list[ResourceType]:
        try:
            return await _lists(client, group.name, _version_paths(group))
        except TransientError as error:
            degraded[group.name] = error.message
            return []

    return [type_ for types in await ask_each(root.groups or (), ask) for type_ in types]


def _version_paths(group: OldGroup) -> list[str]:
    preferred = group.preferred_version.version if group.preferred_version else ""
    names = sorted((v.version for v in group.versions or ()), key=lambda name: name != preferred)
    return [f"/apis/{group.name}/{name}" for name in names]


async def _lists(client: Client, group: str, paths: Iterable[str]) -> list[ResourceType]:
    answers: list[ResourceList] = [await client.get(path, into=ResourceList) for path in paths]
    return [type_ for answer in answers for type_ in _from_list(group, answer)]


def _from_list(group: str, answer: ResourceList) -> list[ResourceType]:
    rows = answer.resources or ()
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
