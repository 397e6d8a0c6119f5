"""Documents of live objects, made and rendered as the product does it.

A Secret's document never re-applies, since digests stand for its values: here the values are put
back, so that everything else about it is held to the law.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from reverser.manifest.emitter import render
from reverser.model.resource import ObjectKey, ResourceType
from reverser.sanitize.document import Policy, sanitize
from tests.e2e.law.cluster import path_of
from tests.e2e.law.samples import Way

Style = Literal["full", "minimal"]
FULL: Style = "full"
STYLES: tuple[Style, ...] = ("full", "minimal")


class Written(msgspec.Struct, frozen=True):
    """One sample, as it was found in the cluster and as it would stand in Git."""

    type: ResourceType
    way: Way
    style: Style
    key: ObjectKey
    content: dict[str, Any]
    """The document, with the values of a Secret put back."""
    full: dict[str, Any]
    """The same in style `full`."""
    masked: bytes
    """The file as the product writes it."""

    @property
    def file(self) -> bytes:
        """The content as a file."""
        return render(self.content)

    @property
    def secret(self) -> bool:
        """Whether it is a Secret with values, so that its file differs from the product's."""
        return self.type.name == "secrets" and "data" in self.content

    @property
    def path(self) -> str:
        """Where the object is in the API."""
        return path_of(self.key, self.type)

    @property
    def kubectl_name(self) -> str:
        """As `-o name` prints it."""
        group = f".{self.type.group}" if self.type.group else ""
        return f"{self.type.kind.lower()}{group}/{self.key.name}"

    def __str__(self) -> str:
        return f"{self.key} ({self.way.name}, {self.style})"


def written(obj: dict[str, Any], key: ObjectKey, type: ResourceType, way: Way, style: Style) -> Written:  # noqa: A002
    """The document of a live object."""
    masked = _sanitized(obj, key, type, style)
    full = content_of(obj, key, type, FULL)
    return Written(type, way, style, key, _unmasked(masked, obj), full, render(masked))


def content_of(obj: dict[str, Any], key: ObjectKey, type: ResourceType, style: Style) -> dict[str, Any]:  # noqa: A002
    """What the sanitizer makes of an object, with the values of a Secret."""
    return _unmasked(_sanitized(obj, key, type, style), obj)


def _sanitized(obj: dict[str, Any], key: ObjectKey, type: ResourceType, style: Style) -> dict[str, Any]:  # noqa: A002
    document = sanitize(obj, key, type, Policy(style=style, secrets="mask", mask_key=b"law"))
    assert document.warnings == ()
    return document.content


def _unmasked(content: dict[str, Any], obj: dict[str, Any]) -> dict[str, Any]:
    if content["kind"] != "Secret" or "data" not in content:
        return content
    assert content["data"].keys() == obj["data"].keys()
    return {**content, "data": obj["data"]}
