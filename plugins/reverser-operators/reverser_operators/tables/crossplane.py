"""Crossplane keeps its books on what it creates outside of the cluster, and on what it composes."""

from __future__ import annotations

from reverser_operators.rule import Made, Strip

_COMPOSITE = "composite.apiextensions.crossplane.io"

STRIP = (
    Strip(
        source="crossplane/crossplane-runtime pkg/meta/meta.go",
        why="when the external resource was created; external-name stays, for it says which one it is",
        annotations=(
            "crossplane.io/external-create-pending",
            "crossplane.io/external-create-succeeded",
            "crossplane.io/external-create-failed",
        ),
    ),
    Strip(
        source="crossplane/crossplane-runtime pkg/reconciler/managed/reconciler.go",
        why="holds a managed resource until the external one is deleted",
        finalizers=("finalizer.managedresource.crossplane.io",),
    ),
    Strip(
        source="crossplane/crossplane internal/controller/apiextensions/composite/reconciler.go, "
        "internal/xcrd/schemas.go",
        why="holds a composite resource, and what it was composed of",
        when=_COMPOSITE,
        finalizers=(_COMPOSITE,),
        fields=("spec.resourceRefs", "spec.crossplane.resourceRefs"),
    ),
    Strip(
        source="crossplane/crossplane internal/controller/apiextensions/claim/reconciler.go",
        why="holds a claim until its composite resource is deleted",
        finalizers=("finalizer.apiextensions.crossplane.io",),
    ),
)
MADE = (
    Made(
        source="crossplane/crossplane internal/xcrd/schemas.go",
        reason="Crossplane made it for a claim",
        resources=("*",),
        when="crossplane.io/claim-name",
    ),
)
