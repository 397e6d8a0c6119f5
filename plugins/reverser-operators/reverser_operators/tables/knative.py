"""Knative's webhooks write down who created and who last changed an object."""

from __future__ import annotations

from reverser_operators.rule import Strip

_GROUPS = ("serving", "eventing", "messaging")

STRIP = (
    Strip(
        source="knative/pkg apis/metadata_validation.go",
        why="the user who created the object, and the one who changed it last",
        resources=tuple(f"*.{group}.knative.dev" for group in _GROUPS),
        annotations=tuple(
            f"{group}.knative.dev/{name}" for group in _GROUPS for name in ("creator", "lastModifier")
        ),
    ),
)
