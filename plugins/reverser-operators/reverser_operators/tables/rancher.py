"""Rancher keeps the state of its own controllers in annotations and finalizers."""

from __future__ import annotations

from reverser_operators.rule import Strip

STRIP = (
    Strip(
        source="rancher/norman lifecycle/object.go",
        why="which controllers have seen the object, and which want to see it go",
        annotations=("lifecycle.cattle.io/create.*",),
        finalizers=("controller.cattle.io/*", "clusterscoped.controller.cattle.io/*"),
    ),
    Strip(
        source="rancher/rancher pkg/agent/clean/clean.go",
        why="conditions of the namespace, and the user that Rancher created it for",
        resources=("namespaces",),
        annotations=("cattle.io/status", "field.cattle.io/creatorId"),
    ),
)
