"""Crossplane keeps its books on what it creates outside of the cluster, and on what it composes."""

from __future__ import annotations

from reverser_operators.rule import Generated, Strip

_COMPOSITE = "composite.apiextensions.crossplane.io"
_MANAGED = "https://github.com/crossplane/crossplane-runtime/blob/511b39fa560d40daecec2f9288850f92cc62e14b/pkg/reconciler/managed/reconciler.go"

MANAGERS = ("crossplane*", "*crossplane.io/*", "provider", "provider-*")
"""Crossplane itself, what it applies, and its providers."""
STRIP = (
    Strip(
        source=(
            "https://github.com/crossplane/crossplane-runtime/blob/a8605b76a8ad61822eba93c0d8787249fcdda576/pkg/meta/meta.go",
            _MANAGED,
        ),
        why="when the external resource was created; external-name stays, for it says which one it is",
        annotations=(
            "crossplane.io/external-create-pending",
            "crossplane.io/external-create-succeeded",
            "crossplane.io/external-create-failed",
        ),
    ),
    Strip(
        source=_MANAGED,
        why="holds a managed resource until the external one is deleted",
        finalizers=("finalizer.managedresource.crossplane.io",),
    ),
    Strip(
        source=(
            "https://github.com/crossplane/crossplane/blob/ee9c7992a0aefdd2cc5ba100a506682d7fa64a40/internal/controller/apiextensions/composite/reconciler.go",
            "https://github.com/crossplane/crossplane/blob/e750bdab985c7ae928e510edb6c32cd90af1cc29/internal/xcrd/schemas.go",
        ),
        why="holds a composite resource, and what it was composed of",
        when=_COMPOSITE,
        finalizers=(_COMPOSITE,),
        fields=("spec.resourceRefs", "spec.crossplane.resourceRefs"),
    ),
    Strip(
        source="https://github.com/crossplane/crossplane/blob/0038f7c94438ee54749ccef0a72d256934ad7158/internal/controller/apiextensions/claim/reconciler.go",
        why="holds a claim until its composite resource is deleted",
        finalizers=("finalizer.apiextensions.crossplane.io",),
    ),
)
GENERATED = (
    Generated(
        source=(
            "https://github.com/crossplane/crossplane/blob/e750bdab985c7ae928e510edb6c32cd90af1cc29/internal/xcrd/schemas.go",
            "https://github.com/crossplane/crossplane/blob/77a74b7120290dcb8cda211898d182b9129f295d/internal/controller/apiextensions/claim/syncer_ssa.go",
            "https://github.com/crossplane/crossplane/blob/0dc773010c167ff5441e82aa3e0650e9643b925e/internal/controller/apiextensions/composite/composition_render.go",
        ),
        reason="Crossplane made it for a claim",
        resources=("*",),
        when="crossplane.io/claim-name",
    ),
)
