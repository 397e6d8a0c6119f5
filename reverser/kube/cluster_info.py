"""One-off questions to an API server: which cluster it is, which namespaces and how many objects it has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from reverser.errors import StalledError, TransientError
from reverser.kube.client import Client, map_concurrently
from reverser.kube.errors import ApiError
from reverser.kube.lists import METADATA, UNASKABLE, collection
from reverser.model.change import Stream

KUBE_SYSTEM = "/api/v1/namespaces/kube-system"
NAMESPACES = "/api/v1/namespaces"
NAMESPACES_MOST = 5000
"""In a cluster with more nobody looks for one that is missing."""


class _Object(msgspec.Struct, frozen=True):
    metadata: dict[str, Any] = {}


class _Objects(msgspec.Struct, frozen=True):
    metadata: dict[str, Any] = {}
    items: tuple[_Object, ...] | None = None


async def cluster_uid(client: Client) -> str:
    """The uid of `kube-system`, which lives as long as the cluster; empty where we may not read it.

    Raises TransientError.
    """
    try:
        namespace: _Object = await client.get(KUBE_SYSTEM, accept=METADATA, into=_Object)
    except ApiError as error:
        if error.status not in UNASKABLE:
            raise
        return ""
    return str(namespace.metadata.get("uid") or "")


async def namespaces(client: Client) -> frozenset[str] | None:
    """The names of all namespaces, for hints; None where we may not list them, or there are too many."""
    try:
        page: _Objects = await client.get(
            NAMESPACES, {"limit": str(NAMESPACES_MOST)}, accept=METADATA, into=_Objects
        )
    except (TransientError, StalledError):
        return None
    if page.metadata.get("continue"):
        return None
    return frozenset(str(item.metadata.get("name")) for item in page.items or ())


async def count_objects(client: Client, streams: Sequence[Stream]) -> list[int | None]:
    """The number of objects in the scope of each stream, read without the objects; None where it is unknown.

    A list of one object says how many remain. API servers leave that out now and then, and an aggregated one
    may not know it.
    """
    return await map_concurrently(streams, lambda stream: _count(client, stream))


async def _count(client: Client, stream: Stream) -> int | None:
    try:
        page: _Objects = await client.get(collection(stream), {"limit": 1}, accept=METADATA, into=_Objects)
    except (StalledError, TransientError):
        return None
    remaining = page.metadata.get("remainingItemCount")
    if not isinstance(remaining, int):
        return None if page.metadata.get("continue") else len(page.items or ())
    return len(page.items or ()) + remaining
