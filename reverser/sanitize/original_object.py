"""The object as it is, for rules to look things up while they change its copy."""

from __future__ import annotations

from collections.abc import Mapping

from reverser.errors import WithheldError
from reverser.model.resource import ResourceType
from reverser.sanitize.field_owners import Ownership
from reverser.sanitize.json_content import Content, mapping, texts


class Live:
    """Identity, annotations, labels and field owners of the untouched object."""

    __slots__ = ("annotations", "kind", "labels", "name", "owners")

    def __init__(self, obj: Content, type: ResourceType) -> None:  # noqa: A002
        metadata = mapping(obj, "metadata")
        if metadata is None:
            raise WithheldError("Unreadable", "the object has no metadata")
        self.kind = (type.group, type.kind)
        self.name = metadata.get("name")
        self.annotations: Mapping[str, str] = texts(metadata, "annotations")
        self.labels: Mapping[str, str] = texts(metadata, "labels")
        self.owners = Ownership(obj, str(obj.get("apiVersion", type.api_version)))
