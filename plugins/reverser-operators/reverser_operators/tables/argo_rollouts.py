"""Argo Rollouts numbers its revisions, and switches traffic by a hash in selectors."""

from __future__ import annotations

from reverser_operators.rule import Strip

_MANAGED = "argo-rollouts.argoproj.io/managed-by-rollouts"

MANAGERS = ("rollouts-controller", "argo-rollouts*", "kubectl-argo-rollouts")
"""Its controller, and its own plugin of kubectl."""
STRIP = (
    Strip(
        source="https://github.com/argoproj/argo-rollouts/blob/2842baac40d17ffad4651d8178e91083f3604f62/utils/annotations/annotations.go",
        why="the revision, and the generation of the workload that is referred to",
        resources=("rollouts.argoproj.io",),
        annotations=("rollout.argoproj.io/revision", "rollout.argoproj.io/workload-generation"),
    ),
    Strip(
        source=(
            "https://github.com/argoproj/argo-rollouts/blob/5b40f081f459c0c1265aa3070cc44cca94830db8/rollout/service.go",
            "https://github.com/argoproj/argo-rollouts/blob/2184a072279c0aca36a6c6fd3840fd7d83593ad5/rollout/trafficrouting/istio/istio.go",
        ),
        why="the rollout that switches the traffic",
        resources=("services", "destinationrules.networking.istio.io"),
        annotations=(_MANAGED,),
    ),
    Strip(
        source="https://github.com/argoproj/argo-rollouts/blob/5b40f081f459c0c1265aa3070cc44cca94830db8/rollout/service.go",
        why="the pods that get the traffic now",
        resources=("services",),
        when=_MANAGED,
        fields=("spec.selector['rollouts-pod-template-hash']",),
        atomic=True,
    ),
    Strip(
        source="https://github.com/argoproj/argo-rollouts/blob/2184a072279c0aca36a6c6fd3840fd7d83593ad5/rollout/trafficrouting/istio/istio.go",
        why="the pods of each subset now",
        resources=("destinationrules.networking.istio.io",),
        when=_MANAGED,
        fields=("spec.subsets[*].labels['rollouts-pod-template-hash']",),
        atomic=True,
    ),
)
