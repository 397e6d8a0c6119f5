"""One object as `exclusion` looks at it: every field has a value, whatever the object holds."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from reverser.stages.managed import entries
from reverser.stages.sanitize.ownership import CONTROLLERS


class Seen:
    """Identity, annotations, labels and managers of an object of any shape."""

    def __init__(self, obj: dict[str, Any]) -> None:
        self.obj = obj
        self._metadata = _map(obj.get("metadata"))

    @property
    def name(self) -> str:
        return _text(self._metadata.get("name"))

    @property
    def namespace(self) -> str:
        return _text(self._metadata.get("namespace"))

    @cached_property
    def annotations(self) -> Mapping[str, Any]:
        return _map(self._metadata.get("annotations"))

    @cached_property
    def labels(self) -> Mapping[str, Any]:
        return _map(self._metadata.get("labels"))

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
