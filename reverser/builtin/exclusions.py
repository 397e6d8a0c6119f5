"""What nobody declares has no file: types that change all the time, objects that something makes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reverser import hookimpl
from reverser.model.resource import ObjectKey, ResourceType
from reverser.sanitize.excluded_types import excluded_type
from reverser.sanitize.generated_objects import exclusion


@hookimpl
def reverser_exclude_type(resource: ResourceType) -> str | None:
    """The table of docs/excluded.md."""
    return excluded_type(resource) or None


@hookimpl
def reverser_select(key: ObjectKey, resource: ResourceType, obj: Mapping[str, Any]) -> str | None:  # noqa: ARG001
    """Objects that are marked to be ignored, that a controller owns, or that the cluster makes itself."""
    return exclusion(obj, resource) or None
