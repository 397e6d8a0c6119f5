"""What the API server serves: every type that can be listed and watched, by its preferred version.

One request each for `/api` and `/apis` in the aggregated form; a server that does not know it is
asked group by group. A group that does not answer keeps its last known types and degrades only
itself, for discovery blinks during upgrades and outages of aggregated APIs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from reverser.errors import TransientError
from reverser.kube.client import Client
from reverser.model.resource import ResourceType

AGGREGATED = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
)
REMOVAL_SECONDS = 60.0


class Discovery(msgspec.Struct, frozen=True):
    """One answer: the types, and the groups that could not be asked."""

    types: tuple[ResourceType, ...]
    degraded: Mapping[str, str]
    """Group -> why; its types are those that were known before."""


async def version(client: Client) -> str:
    """For example `v1.34.4`."""
    return str((await client.get("/version")).get("gitVersion", "unknown"))


async def discover(client: Client, known: Sequence[ResourceType] = ()) -> Discovery:
    """Ask for all types. Raises when the server as a whole does not answer."""
    types: list[ResourceType] = []
    degraded: dict[str, str] = {}
    for root in ("/api", "/apis"):
        answer = await client.get(root, accept=AGGREGATED)
        if answer.get("kind") == "APIGroupDiscoveryList":
            for group in answer.get("items", ()):
                _aggregated(group, types, degraded)
        else:
            await _group_by_group(client, root, answer, types, degraded)
    types += [type_ for type_ in known if type_.group in degraded and type_ not in types]
    return Discovery(tuple(type_ for type_ in types if type_.watchable), degraded)


def _aggregated(group: dict[str, Any], types: list[ResourceType], degraded: dict[str, str]) -> None:
    name = group.get("metadata", {}).get("name", "")
    versions = group.get("versions", ())
    if any(version.get("freshness") == "Stale" for version in versions):
        degraded[name] = "the aggregated API behind it does not answer"
    rows = ((version["version"], row) for version in versions for row in version.get("resources", ()))
    types += _preferred(_from_aggregated(name, version, row) for version, row in rows)


def _from_aggregated(group: str, version: str, row: dict[str, Any]) -> ResourceType:
    kind = row.get("responseKind") or {}
    return ResourceType(
        group=group,
        version=version,
        resource=row["resource"],
        kind=kind.get("kind", ""),
        namespaced=row.get("scope") == "Namespaced",
        verbs=tuple(row.get("verbs", ())),
        short_names=tuple(row.get("shortNames", ())),
        singular=row.get("singularResource", ""),
        categories=tuple(row.get("categories", ())),
        subresources=tuple(sub["subresource"] for sub in row.get("subresources", ())),
    )


def _preferred(rows: Iterable[ResourceType]) -> list[ResourceType]:
    """One version a type: the first, since servers order versions by preference."""
    first: dict[str, ResourceType] = {}
    for row in rows:
        first.setdefault(row.resource, row)
    return list(first.values())


async def _group_by_group(
    client: Client, root: str, answer: Any, types: list[ResourceType], degraded: dict[str, str]
) -> None:
    if root == "/api":
        groups = {"": [f"/api/{version}" for version in answer.get("versions", ())]}
    else:
        groups = {group["name"]: _version_paths(group) for group in answer.get("groups", ())}
    for name, paths in groups.items():
        try:
            lists = [await client.get(path) for path in paths]
        except TransientError as error:
            if name == "":
                raise
            degraded[name] = error.message
        else:
            types += _preferred(row for answer in lists for row in _from_list(name, answer))


def _version_paths(group: dict[str, Any]) -> list[str]:
    preferred = group.get("preferredVersion", {}).get("version")
    versions = [version["version"] for version in group.get("versions", ())]
    versions.sort(key=lambda version: version != preferred)
    return [f"/apis/{group['name']}/{version}" for version in versions]


def _from_list(group: str, answer: dict[str, Any]) -> list[ResourceType]:
    rows = answer.get("resources", ())
    version = str(answer.get("groupVersion", "")).rpartition("/")[2]
    return [
        ResourceType(
            group=group,
            version=version,
            resource=row["name"],
            kind=row.get("kind", ""),
            namespaced=bool(row.get("namespaced")),
            verbs=tuple(row.get("verbs", ())),
            short_names=tuple(row.get("shortNames", ())),
            singular=row.get("singularName", ""),
            categories=tuple(row.get("categories", ())),
            subresources=tuple(
                sub["name"].partition("/")[2] for sub in rows if sub["name"].startswith(f"{row['name']}/")
            ),
        )
        for row in rows
        if "/" not in row["name"]
    ]


class Memory:
    """Additions take effect at once; a type that is gone is kept for a while, in case it blinks."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], tuple[ResourceType, float]] = {}

    @property
    def types(self) -> tuple[ResourceType, ...]:
        """What counts as served."""
        return tuple(type_ for type_, _ in self._seen.values())

    def learn(self, discovery: Discovery, now: float) -> None:
        """Take an answer in; `now` in seconds of any steady clock."""
        for type_ in discovery.types:
            self._seen[type_.group, type_.resource] = (type_, now)
        for place, (_, seen_at) in list(self._seen.items()):
            if now - seen_at > REMOVAL_SECONDS:
                del self._seen[place]
