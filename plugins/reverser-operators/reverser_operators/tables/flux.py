"""Flux is asked to do something at once by annotations that mean nothing afterwards."""

from __future__ import annotations

from reverser_operators.rule import Strip

STRIP = (
    Strip(
        source="fluxcd/pkg apis/meta/annotations.go; fluxcd/helm-controller api/v2/annotations.go",
        why="a token that asks for one reconciliation, of no use once it was seen",
        annotations=(
            "reconcile.fluxcd.io/requestedAt",
            "reconcile.fluxcd.io/forceAt",
            "reconcile.fluxcd.io/resetAt",
        ),
    ),
    Strip(
        source="fluxcd/helm-controller api/v2/helmrelease_types.go; "
        "fluxcd/kustomize-controller api/v1/kustomization_types.go",
        why="holds an object until Flux has cleaned up after it",
        finalizers=("finalizers.fluxcd.io",),
    ),
)
