"""How many objects there are, without reading them: a list of one tells how many remain.

API servers leave that out now and then, and an aggregated one may not know it: then nobody tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from reverser.errors import StalledError, TransientError
from reverser.kube.client import Client
from reverser.kube.concurrency import map_concurrently
from reverser.kube.lists import METADATA, collection
from reverser.model.change import Stream


class _Metadata(msgspec.Struct, frozen=True, rename="camel"):
    remaining_item_count: int | None = None
    continue_: str = msgspec.field(default="", name="continue")


class _One(msgspec.Struct, frozen=True):
    items: list[Any] | None = None
    metadata: _Metadata = _Metadata()


async def count(client: Client, streams: Sequence[Stream]) -> list[int | None]:
    """The number of objects in the scope of each stream; None where it cannot be told."""
    return await map_concurrently(streams, lambda stream: _count(client, stream))


async def _count(client: Client, stream: Stream) -> int | None:
    try:
        page = await client.get(collection(stream), {"limit": 1}, accept=METADATA, into=_One)
    except (StalledError, TransientError):
        return None
    there, rest = len(page.items or ()), page.metadata.remaining_item_count
    if rest is None and page.metadata.continue_:
        return None
    return there + (rest or 0)
