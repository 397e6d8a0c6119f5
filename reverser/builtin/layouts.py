"""The layouts `default`, `rest` and `template`, as `[[destinations]] layout` names them."""

from __future__ import annotations

from reverser import hookimpl
from reverser.layout.layouts import placed
from reverser.model.destination import Destination
from reverser.model.resource import ObjectKey, ResourceType


@hookimpl
def reverser_layout(key: ObjectKey, resource: ResourceType, destination: Destination) -> str | None:
    """The path below the destination's root."""
    return placed(key, resource, destination)
