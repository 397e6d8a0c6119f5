"""Reads and writes the checkpoint's ConfigMaps, each only as it was read.

A leader that was replaced gets a conflict: what a later one has stored stays.
"""

from __future__ import annotations

from itertools import count
from typing import Any

import msgspec

from reverser.config import Cluster
from reverser.errors import TransientError
from reverser.kube.client import Client
from reverser.kube.credentials import load
from reverser.kube.errors import Conflict, NotFound
from reverser.leader.checkpoint import MOST_PARTS, Checkpoint, decode, encode
from reverser.leader.own_objects import LABELS, checkpoint_name


class CheckpointStore:
    """The ConfigMaps of one group of replicas."""

    def __init__(self, cluster: Cluster, namespace: str, leader: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._leader = leader
        self._collection = f"/api/v1/namespaces/{namespace}/configmaps"
        self._held: list[dict[str, Any]] = []
        """As they were read or written last."""

    async def read(self) -> Checkpoint | None:
        """The checkpoint; None: there is none that is whole. Raises TransientError or StalledError."""
        async with Client.open(await load(self._cluster.kubeconfig, self._cluster.context)) as client:
            self._held = []
            for index in count():
                try:
                    document = await client.get(f"{self._collection}/{checkpoint_name(self._leader, index)}")
                except NotFound:
                    break
                self._held.append(document)
                if index + 1 >= _parts(self._held[0]):
                    break
        return decode([_data(document) for document in self._held])

    async def write(self, checkpoint: Checkpoint) -> None:
        """Store a checkpoint. Raises Conflict when another process has stored one since, and as `read`."""
        parts = encode(checkpoint)
        if len(parts) > MOST_PARTS:
            # Roles name so many. Without fingerprints the next leader encrypts anew, but it begins.
            parts = encode(msgspec.structs.replace(checkpoint, sealed={}))
        async with Client.open(await load(self._cluster.kubeconfig, self._cluster.context)) as client:
            # The first part goes first: who gets a conflict has changed nothing.
            for index, data in enumerate(parts):
                held = self._held[index] if index < len(self._held) else None
                stored = await self._put(client, index, held, data)
                self._held[index : index + 1] = [stored]
            for index in range(len(parts), len(self._held)):
                await client.send("DELETE", f"{self._collection}/{checkpoint_name(self._leader, index)}")
            del self._held[len(parts) :]

    async def _put(
        self, client: Client, index: int, held: dict[str, Any] | None, data: dict[str, str]
    ) -> dict[str, Any]:
        name = checkpoint_name(self._leader, index)
        if held is None:
            metadata = {"namespace": self._namespace, "name": name, "labels": LABELS}
            created = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
            try:
                stored: dict[str, Any] = await client.post(self._collection, created)
            except Conflict:
                if index == 0:
                    raise
                # A former write had more parts, and its leader ended before it removed them.
                held = await client.get(f"{self._collection}/{name}")
            else:
                return stored
        try:
            stored = await client.send("PUT", f"{self._collection}/{name}", held | {"data": data})
        except NotFound as error:
            self._held = []
            raise TransientError(f"the ConfigMap {name} was deleted") from error
        return stored


def _data(document: dict[str, Any]) -> dict[str, str]:
    data = document.get("data")
    return {key: value for key, value in data.items() if isinstance(value, str)} if data else {}


def _parts(document: dict[str, Any]) -> int:
    number = _data(document).get("of", "1")
    return min(int(number), MOST_PARTS) if number.isascii() and number.isdigit() else 1
