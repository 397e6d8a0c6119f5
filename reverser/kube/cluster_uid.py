"""Which cluster it is that answers: the uid of `kube-system`, which lives as long as the cluster."""

from __future__ import annotations

from typing import Any

import msgspec

from reverser.kube.client import Client
from reverser.kube.errors import ApiError
from reverser.kube.lists import METADATA, UNASKABLE

PATH = "/api/v1/namespaces/kube-system"


class _Object(msgspec.Struct, frozen=True):
    """As much of an object as is needed here."""

    metadata: dict[str, Any] = {}


async def cluster_uid(client: Client) -> str:
    """The uid; empty where we may not read it, or there is no such namespace. Raises TransientError."""
    try:
        namespace: _Object = await client.get(PATH, accept=METADATA, into=_Object)
    except ApiError as error:
        if error.status not in UNASKABLE:
            raise
        return ""
    return str(namespace.metadata.get("uid") or "")
