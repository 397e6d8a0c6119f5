"""Flux is asked to do something at once by annotations that mean nothing afterwards."""

from __future__ import annotations

from reverser_operators.rule import Strip

MANAGERS = (
    "flux",
    "flux-*",
    "gotk-*",
    "kustomize-controller",
    "helm-controller",
    "source-controller",
    "notification-controller",
    "image-*-controller",
)
"""Its controllers, and its own command line, which asks for reconciliations."""
STRIP = (
    Strip(
        source=(
            "https://github.com/fluxcd/flux2/blob/4f4f0d70a41e56d8b11e5f4ec1dcd2ae76d89c7f/cmd/flux/reconcile.go",
            "https://github.com/fluxcd/helm-controller/blob/bd7e561811a288ef4453f93644737fdd5390dbcb/docs/spec/v2/helmreleases.md",
            "https://github.com/fluxcd/helm-controller/blob/46edaee628b3d8cd18615d7bbafb588396ecb8b4/api/v2/annotations.go",
        ),
        why="a token that asks for one reconciliation, of no use once it was seen",
        annotations=(
            "reconcile.fluxcd.io/requestedAt",
            "reconcile.fluxcd.io/forceAt",
            "reconcile.fluxcd.io/resetAt",
        ),
    ),
    Strip(
        source=(
            "https://github.com/fluxcd/helm-controller/blob/d909c31b5e7cba0fb11bf07a3cd28e78309409bd/api/v2/helmrelease_types.go",
            "https://github.com/fluxcd/helm-controller/blob/5e3ad5d21a51d7cedbcf1d250e59e5cbd3160d02/internal/controller/helmrelease_controller.go",
            "https://github.com/fluxcd/kustomize-controller/blob/ae00400d1269fc166266b32ed5d45c8b204cc85b/api/v1/kustomization_types.go",
            "https://github.com/fluxcd/kustomize-controller/blob/a9e8f94812e188da2bd24a979b6e91bfa7c09bcc/internal/controller/kustomization_controller.go",
        ),
        why="holds an object until Flux has cleaned up after it",
        finalizers=("finalizers.fluxcd.io",),
    ),
)
