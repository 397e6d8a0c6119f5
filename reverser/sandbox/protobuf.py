"""Reads the protobuf that `kubectl create namespace`, `configmap` and their like send, into JSON's shape.

kubectl sends a manifest as JSON, but what it makes up itself as protobuf. So the table below has the
messages of those few commands, with the field numbers of Kubernetes' `generated.proto`. A field that is
not in the table and says something is refused: nothing that was asked for gets lost.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

from reverser.sandbox.refusal import Refusal

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"

_MAGIC = b"k8s\x00"
_VARINT, _LENGTH_DELIMITED = 0, 2
_HINT = "with kubectl use `apply -f` or `create -f`, which send JSON"

_ROWS = """
Namespace        1=metadata:ObjectMeta
ServiceAccount   1=metadata:ObjectMeta
ConfigMap        1=metadata:ObjectMeta 2=data:text{} 3=binaryData:bytes{} 4=immutable:bool
Secret           1=metadata:ObjectMeta 2=data:bytes{} 3=type:text 5=immutable:bool
Deployment       1=metadata:ObjectMeta 2=spec:DeploymentSpec
DeploymentSpec   1=replicas:int 2=selector:LabelSelector 3=template:PodTemplateSpec
LabelSelector    1=matchLabels:text{}
PodTemplateSpec  1=metadata:ObjectMeta 2=spec:PodSpec
PodSpec          2=containers:Container[]
Container        1=name:text 2=image:text 3=command:text[] 4=args:text[] 6=ports:ContainerPort[]
ContainerPort    1=name:text 3=containerPort:int 4=protocol:text
ObjectMeta       1=name:text 2=generateName:text 3=namespace:text 11=labels:text{} 12=annotations:text{}
"""


def _row(line: str) -> tuple[str, dict[int, tuple[str, str]]]:
    message, *cells = line.split()
    pairs = (cell.split("=") for cell in cells)
    return message, {
        int(number): (name, kind) for number, (name, kind) in ((n, c.split(":")) for n, c in pairs)
    }


_MESSAGES = dict(map(_row, _ROWS.strip().splitlines()))
_KINDS = ("Namespace", "ServiceAccount", "ConfigMap", "Secret", "Deployment")


def decode(body: bytes) -> dict[str, Any]:
    """The object of a request body. Refuses other kinds, and fields that are not in the table."""
    try:
        envelope = dict(_fields(body.removeprefix(_MAGIC)))
        api_version, kind = (_text(value) for _, value in sorted(_fields(_bytes(envelope[1]))))
        if kind not in _KINDS:
            raise Refusal("UnsupportedMediaType", f"the sandbox reads no {kind} in protobuf; {_HINT}")
        return {"apiVersion": api_version, "kind": kind, **_message(kind, _bytes(envelope[2]))}
    except (ValueError, KeyError, IndexError) as error:
        raise Refusal("BadRequest", f"the object provided is unrecognized: {error}") from error


def _message(message: str, data: bytes) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for number, value in _fields(data):
        if number in _MESSAGES[message]:
            _set(result, *_MESSAGES[message][number], value)
        elif not _is_zero(value):
            what = f"field {number} of {message}"
            raise Refusal("UnsupportedMediaType", f"the sandbox reads no {what} in protobuf; {_HINT}")
    return result


def _set(result: dict[str, Any], name: str, kind: str, value: int | bytes) -> None:
    if kind.endswith("[]"):
        result.setdefault(name, []).append(_value(kind[:-2], value))
    elif kind.endswith("{}"):
        entry = dict(_fields(_bytes(value)))
        key = _text(entry.get(1, b""))
        result.setdefault(name, {})[key] = _value(kind[:-2], entry.get(2, b""))
    elif kind != "text" or value:
        result[name] = _value(kind, value)


def _value(kind: str, value: int | bytes) -> Any:
    match kind:
        case "text":
            return _text(value)
        case "bytes":
            return base64.b64encode(_bytes(value)).decode()
        case "int":
            return value
        case "bool":
            return bool(value)
    return _message(kind, _bytes(value))


def _is_zero(value: int | bytes) -> bool:
    """Whether this is zero, empty, or a message of which that is true: Go's zero values are sent, too."""
    if not value or isinstance(value, int):
        return not value
    try:
        return all(_is_zero(inner) for _, inner in _fields(value))
    except (ValueError, IndexError):
        return False


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """(number, value) of each field. Raises ValueError or IndexError when it is no message."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        value, at = _varint(data, at)
        if wire == _VARINT:
            yield number, value
        elif wire == _LENGTH_DELIMITED and at + value <= len(data):
            yield number, data[at : at + value]
            at += value
        else:
            raise ValueError(f"field {number} is cut off, or of a wire type that no field has")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise ValueError("a number stands where text or a message should")  # noqa: TRY004
    return value


def _text(value: int | bytes) -> str:
    return _bytes(value).decode()
