"""The names of a cluster's namespaces, for hints: where they cannot be asked for, nobody is told off."""

from __future__ import annotations

from typing import Any

import msgspec

from reverser.errors import StalledError, TransientError
from reverser.kube.client import Client

PATH = "/api/v1/namespaces"
ACCEPT = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json"
MOST = 5000
"""In a cluster with more nobody looks for what is missing."""


class _Item(msgspec.Struct, frozen=True):
    metadata: dict[str, Any] = {}


class _List(msgspec.Struct, frozen=True):
    metadata: dict[str, Any] = {}
    items: tuple[_Item, ...] = ()


async def namespaces(client: Client) -> frozenset[str] | None:
    """All names; None where we may not list them, or there are too many."""
    try:
        page: _List = await client.get(PATH, {"limit": str(MOST)}, accept=ACCEPT, into=_List)
    except (TransientError, StalledError):
        return None
    if page.metadata.get("continue"):
        return None
    return frozenset(str(item.metadata.get("name")) for item in page.items)
