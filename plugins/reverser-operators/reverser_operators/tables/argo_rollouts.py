"""Argo Rollouts numbers its revisions, and switches traffic by a hash in selectors."""

from __future__ import annotations

from reverser_operators.rule import Strip

_MANAGED = "argo-rollouts.argoproj.io/managed-by-rollouts"

STRIP = (
    Strip(
        source="argoproj/argo-rollouts utils/annotations/annotations.go",
        why="the revision, and the generation of the workload that is referred to",
        resources=("rollouts.argoproj.io",),
        annotations=("rollout.argoproj.io/revision", "rollout.argoproj.io/workload-generation"),
    ),
    Strip(
        source="argoproj/argo-rollouts rollout/service.go, rollout/trafficrouting/istio/istio.go",
        why="the rollout that switches the traffic",
        resources=("services", "destinationrules.networking.istio.io"),
        annotations=(_MANAGED,),
    ),
    Strip(
        source="argoproj/argo-rollouts rollout/service.go",
        why="the pods that get the traffic now",
        resources=("services",),
        when=_MANAGED,
        fields=("spec.selector['rollouts-pod-template-hash']",),
        atomic=True,
    ),
    Strip(
        source="argoproj/argo-rollouts rollout/trafficrouting/istio/istio.go",
        why="the pods of each subset now",
        resources=("destinationrules.networking.istio.io",),
        when=_MANAGED,
        fields=("spec.subsets[*].labels['rollouts-pod-template-hash']",),
        atomic=True,
    ),
)
