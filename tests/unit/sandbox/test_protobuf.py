"""The protobuf of kubectl's `create` commands, as the sandbox reads it."""

from __future__ import annotations

import pytest

from reverser.sandbox.protobuf import decode
from reverser.sandbox.refusal import Refusal

Value = bytes | int


def field(number: int, value: Value) -> bytes:
    """One field of a message."""
    if isinstance(value, int):
        return bytes([number << 3, value])
    return bytes([number << 3 | 2, len(value)]) + value


def message(*fields: tuple[int, Value]) -> bytes:
    return b"".join(field(*each) for each in fields)


def body(kind: bytes, raw: bytes, version: bytes = b"v1") -> bytes:
    """A request body: the magic number, and the envelope."""
    return b"k8s\x00" + message((1, message((1, version), (2, kind))), (2, raw), (3, b""), (4, b""))


ZERO_TIME = (8, b"")
METADATA = message((1, b"web"), (2, b""), (3, b"shop"), (7, 0), ZERO_TIME, (11, message((1, b"a"), (2, b""))))
DEPLOYMENT = message(
    (1, METADATA),
    (
        2,
        message(
            (1, 0),
            (2, message((1, message((1, b"app"), (2, b"web"))))),
            (
                3,
                message((1, b""), (2, message((2, message((1, b"web"), (2, b"nginx"), (8, b""))), (3, b"")))),
            ),
            (4, message((1, b""))),
            (5, 0),
        ),
    ),
    (3, message((1, 0), (2, 0))),
)


def test_a_deployment() -> None:
    """Fields that say something are taken, a number of zero too; empty ones that Go sends are not."""
    assert decode(body(b"Deployment", DEPLOYMENT, b"apps/v1")) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "labels": {"a": ""}},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {}, "spec": {"containers": [{"name": "web", "image": "nginx"}]}},
        },
    }


def test_bytes_become_base64() -> None:
    """The values of a Secret are what JSON would have them be."""
    raw = message((1, message((1, b"s"))), (2, message((1, b"key"), (2, b"\x00\xff"))), (3, b"Opaque"))

    assert decode(body(b"Secret", raw))["data"] == {"key": "AP8="}


def test_what_is_not_read_is_refused() -> None:
    """A field that is not in the table, and says something, is refused by its number; so are other kinds."""
    for kind, raw in ((b"ConfigMap", message((1, METADATA), (9, b"x"))), (b"ClusterRole", METADATA)):
        with pytest.raises(Refusal, match="apply -f") as refused:
            decode(body(kind, raw))
        assert refused.value.reason == "UnsupportedMediaType"


def test_what_is_cut_off_is_refused() -> None:
    """No part of a body is taken for the whole of it, and none ends in anything but a refusal."""
    whole = body(b"Deployment", DEPLOYMENT, b"apps/v1")
    for end in range(len(whole) - 4):
        with pytest.raises(Refusal):
            decode(whole[:end])
