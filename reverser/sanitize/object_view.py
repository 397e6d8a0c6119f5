"""One object as `excluded_objects` looks at it: every field has a value, whatever the object holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reverser.sanitize.field_owners import CONTROLLERS
from reverser.sanitize.managed_fields import entries


class Seen:
    """Identity, annotations, labels and managers of an object of any shape."""

    __slots__ = ("_metadata", "annotations", "labels", "obj")

    def __init__(self, obj: Mapping[str, Any]) -> None:
        self.obj = obj
        self._metadata = _map(obj.get("metadata"))
        self.annotations: Mapping[str, Any] = _map(self._metadata.get("annotations"))
        self.labels: Mapping[str, Any] = _map(self._metadata.get("labels"))

    @property
    def name(self) -> str:
        return _text(self._metadata.get("name"))

    @property
    def namespace(self) -> str:
        return _text(self._metadata.get("namespace"))

    @property
    def owner_references(self) -> list[Any]:
        references = self._metadata.get("ownerReferences")
        return references if isinstance(references, list) else []

    @property
    def made_by_controllers(self) -> bool:
        """Whether managedFields names controllers only, kube-controller-manager among them."""
        managers = {_text(entry.get("manager")) for entry in entries(self.obj)}
        return "kube-controller-manager" in managers and managers <= CONTROLLERS


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
