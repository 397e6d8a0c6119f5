"""Reads a Secret, and creates or replaces it only as it was read.

A write names the version that was read, so the second of two concurrent writers gets a conflict and reads
what the first one stored. What others set (labels, the type, entries of their own) stays. Values are in no
error and in no `repr`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import msgspec

from reverser.errors import StalledError
from reverser.kube.client import Client
from reverser.kube.errors import Conflict, NotFound

TYPE = "kubernetes.io/tls"
LABELS = {"app.kubernetes.io/managed-by": "reverser"}


class SecretName(msgspec.Struct, frozen=True):
    """Where the Secret is."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class SecretSnapshot(msgspec.Struct, frozen=True):
    """A Secret as it was read."""

    document: dict[str, Any]
    entries: dict[str, bytes]
    """Its data, without entries that are empty."""

    def __repr__(self) -> str:
        return "SecretSnapshot(…)"


async def read(client: Client, name: SecretName) -> SecretSnapshot | None:
    """What the Secret holds; None: there is none. Raises TransientError, or StalledError for rubbish."""
    try:
        document = await client.get(f"{_collection(name)}/{name.name}", into=dict[str, Any])
    except NotFound:
        return None
    try:
        data = {key: base64.b64decode(value, validate=True) for key, value in _data(document).items()}
    except (binascii.Error, TypeError, ValueError, AttributeError):
        message = f"the Secret {name} holds a value that is not base64"
        raise StalledError("SecretUnusable", message) from None
    return SecretSnapshot(document, {key: value for key, value in data.items() if value})


async def write(
    client: Client,
    name: SecretName,
    held: SecretSnapshot | None,
    entries: Mapping[str, bytes],
    *,
    type_: str = TYPE,
    labels: Mapping[str, str] = LABELS,
) -> None:
    """Put entries where `held` was read; type and labels are for a new one.

    Raises Conflict when it is another by now, TransientError.
    """
    data = {key: base64.b64encode(value).decode() for key, value in entries.items()}
    if held is None:
        metadata = {"namespace": name.namespace, "name": name.name, "labels": dict(labels)}
        created = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": type_, "data": data}
        await client.post(_collection(name), created)
        return
    changed = held.document | {"data": dict(_data(held.document)) | data}
    try:
        await client.send("PUT", f"{_collection(name)}/{name.name}", changed)
    except NotFound as error:
        raise Conflict(error.status, error.reason, error.message) from error


def _data(document: Mapping[str, Any]) -> Mapping[str, Any]:
    return document.get("data") or {}


def _collection(name: SecretName) -> str:
    return f"/api/v1/namespaces/{name.namespace}/secrets"
