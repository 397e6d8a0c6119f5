"""Where a stream's objects are on an API server, and what to ask for."""

from __future__ import annotations

import random
from urllib.parse import quote

from reverser.model.change import Stream

ANY_VERSION = "0"
"""Watches from here for servers that name no version: they send everything that there is first."""
METADATA = (
    "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,"
    "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json"
)
"""Asks for metadata only, and takes whole objects of a server that does not know that form."""
WATCH_SECONDS = (240, 480)
"""A random time in between, so that streams do not end together."""


def collection(stream: Stream) -> str:
    """`/apis/apps/v1/namespaces/shop/deployments`."""
    type_ = stream.type
    root = f"/apis/{type_.group}/{type_.version}" if type_.group else f"/api/{type_.version}"
    scope = f"/namespaces/{quote(stream.namespace, safe='')}" if stream.namespace else ""
    return f"{root}{scope}/{type_.resource}"


def watch_params(position: str) -> dict[str, str | int]:
    """A watch from a position; an empty one asks for a streaming list first."""
    params: dict[str, str | int] = {
        "watch": "true",
        "allowWatchBookmarks": "true",
        "timeoutSeconds": random.randint(*WATCH_SECONDS),  # noqa: S311 - spreads load, guards nothing
    }
    if position:
        return params | {"resourceVersion": position}
    return params | {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}


def page_params(token: str, objects: int) -> dict[str, str | int]:
    """One page of a consistent list, of so many objects at most."""
    return {"limit": objects} | ({"continue": token} if token else {})
