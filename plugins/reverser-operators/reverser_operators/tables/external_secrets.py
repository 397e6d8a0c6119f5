"""External Secrets marks the Secrets it writes, and holds what it pushed."""

from __future__ import annotations

from reverser_operators.rule import Strip

MANAGERS = ("external-secrets*", "*external-secrets.io/*")
"""Its controller, and what it applies for each ExternalSecret."""
STRIP = (
    Strip(
        source="https://github.com/external-secrets/external-secrets/blob/21c39687c9568fd188e4ea005833b8386ea7bcbd/apis/externalsecrets/v1/externalsecret_types.go",
        why="a digest of the data, and who wrote it",
        resources=("secrets",),
        annotations=("reconcile.external-secrets.io/data-hash",),
        labels=("reconcile.external-secrets.io/managed", "reconcile.external-secrets.io/created-by"),
    ),
    Strip(
        source="https://github.com/external-secrets/external-secrets/blob/02cda32248801fe448b6b07fd337e7c469c4d0c8/pkg/controllers/clusterexternalsecret/clusterexternalsecret_controller.go",
        why="holds a ClusterExternalSecret until what it made is deleted",
        resources=("clusterexternalsecrets.external-secrets.io",),
        finalizers=("externalsecrets.external-secrets.io/clusterexternalsecret-cleanup",),
    ),
    Strip(
        source="https://github.com/external-secrets/external-secrets/blob/a982a21559ba8ee700081b50b409b85d13bf1a4d/pkg/controllers/pushsecret/pushsecret_controller.go",
        why="holds a PushSecret until the secret is gone at the provider",
        resources=("pushsecrets.external-secrets.io",),
        finalizers=("pushsecret.externalsecrets.io/finalizer",),
    ),
)
