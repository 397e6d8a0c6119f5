"""A template for plugins of reverser: leaves out and masks what a team's own tools write.

[plugins]
enabled = ["template"]

[plugins.template]
ignore_label = "example.com/scratch"
mask_annotations = ["example.com/*-token"]
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

import msgspec

from reverser import MASK, hookimpl


class Settings(msgspec.Struct, frozen=True):
    """The table `[plugins.template]`."""

    ignore_label: str = "example.com/scratch"
    """Objects with this label have no file."""
    mask_annotations: tuple[str, ...] = ()
    """Globs over the names of annotations whose values are masked."""


settings = Settings()


@hookimpl
def reverser_settings() -> type[Settings]:
    return Settings


@hookimpl
def reverser_configure(settings: Settings) -> None:
    globals()["settings"] = settings


@hookimpl
def reverser_select(labels: Mapping[str, str]) -> str | None:
    return f"it is labelled {settings.ignore_label}" if settings.ignore_label in labels else None


@hookimpl
def reverser_sanitize(content: dict[str, Any]) -> dict[str, Any] | None:
    annotations = content["metadata"].get("annotations", {})
    for name in annotations:
        if any(fnmatchcase(name, glob) for glob in settings.mask_annotations):
            annotations[name] = MASK
    return content
