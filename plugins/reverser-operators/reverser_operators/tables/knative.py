"""Knative's webhooks write down who created and who last changed an object."""

from __future__ import annotations

from reverser_operators.rule import Strip

_GROUPS = ("serving", "eventing", "messaging")

MANAGERS = ("knative-*",)
"""Its webhook writes while the object is admitted, which no manager owns."""
STRIP = (
    Strip(
        source=(
            "https://github.com/knative/pkg/blob/b0c548adfcdbde3c849900367a41e526f93a3c20/apis/metadata_validation.go",
            "https://github.com/knative/pkg/blob/0bb0dbbb43b767a75e2c9fb3b5c05727bc69f20c/webhook/resourcesemantics/defaulting/user_info.go",
        ),
        why="the user who created the object, and the one who changed it last",
        resources=tuple(f"*.{group}.knative.dev" for group in _GROUPS),
        annotations=tuple(
            f"{group}.knative.dev/{name}" for group in _GROUPS for name in ("creator", "lastModifier")
        ),
    ),
)
