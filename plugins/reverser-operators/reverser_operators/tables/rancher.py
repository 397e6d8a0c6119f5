"""Rancher keeps the state of its own controllers in annotations and finalizers."""

from __future__ import annotations

from reverser_operators.rule import Strip

MANAGERS = ("rancher*", "agent")
"""Rancher, and its agent in the cluster."""
STRIP = (
    Strip(
        source="https://github.com/rancher/norman/blob/a0367219000ffb8d9cba3afa9b099d3cbc6ac380/lifecycle/object.go",
        why="which controllers have seen the object, and which want to see it go",
        annotations=("lifecycle.cattle.io/create.*",),
        finalizers=("controller.cattle.io/*", "clusterscoped.controller.cattle.io/*"),
    ),
    Strip(
        source="https://github.com/rancher/rancher/blob/86f46b868410540f95705809b0184f472dad906b/pkg/agent/clean/clean.go",
        why="conditions of the namespace, and the user that Rancher created it for",
        resources=("namespaces",),
        annotations=("cattle.io/status", "field.cattle.io/creatorId"),
    ),
)
