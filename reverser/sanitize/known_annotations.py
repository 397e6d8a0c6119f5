"""Annotations and labels by which the API server, controllers and GitOps tools keep their books.

Unknown ones are kept: `argocd.argoproj.io/sync-wave`, `kubectl.kubernetes.io/restartedAt` or
`meta.helm.sh/release-name` are what somebody wants. A name that ends in `*` is a beginning.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from reverser.sanitize.object_copies import LAST_APPLIED

ANNOTATIONS = (
    LAST_APPLIED,
    "deployment.kubernetes.io/revision",
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
    "deployment.kubernetes.io/revision-history",
    "deprecated.daemonset.template.generation",
    "control-plane.alpha.kubernetes.io/leader",
    "autoscaling.alpha.kubernetes.io/conditions",
    "autoscaling.alpha.kubernetes.io/current-metrics",
    "autoscaling.alpha.kubernetes.io/metrics",
    "autoscaling.alpha.kubernetes.io/behavior",
    "endpoints.kubernetes.io/last-change-trigger-time",
    "pv.kubernetes.io/bind-completed",
    "pv.kubernetes.io/bound-by-controller",
    "pv.kubernetes.io/provisioned-by",
    "volume.kubernetes.io/storage-provisioner",
    "volume.kubernetes.io/selected-node",
    "volume.beta.kubernetes.io/storage-provisioner",
    "kubernetes.io/service-account.uid",
    "kubernetes.io/limit-ranger",
    "batch.kubernetes.io/job-tracking",
    "node.alpha.kubernetes.io/*",
    "objectset.rio.cattle.io/*",
    "field.cattle.io/publicEndpoints",
    "kapp.k14s.io/original*",
    "argocd.argoproj.io/tracking-id",
    "argocd.argoproj.io/installation-id",
    "kustomize.toolkit.fluxcd.io/*",
    "helm.toolkit.fluxcd.io/*",
    "applyset.kubernetes.io/*",
    "kcp.io/cluster",
)

LABELS = (
    "controller-revision-hash",
    "pod-template-generation",
    "statefulset.kubernetes.io/pod-name",
    "pod-template-hash",
    "kustomize.toolkit.fluxcd.io/*",
    "helm.toolkit.fluxcd.io/*",
    "kro.run/*",
    "applyset.kubernetes.io/*",
)

NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""The label that every Namespace gets."""

JOB_LABELS = (
    "controller-uid",
    "batch.kubernetes.io/controller-uid",
    "job-name",
    "batch.kubernetes.io/job-name",
)
"""What a Job without `manualSelector` gets, on itself and on its template."""


class Names:
    """A set of names and beginnings of names."""

    def __init__(self, patterns: Iterable[str]) -> None:
        patterns = tuple(patterns)
        self._exact = frozenset(each for each in patterns if not each.endswith("*"))
        self._beginnings = tuple(each[:-1] for each in patterns if each.endswith("*"))

    def among(self, names: Mapping[str, str]) -> Iterator[str]:
        """Those of `names` that belong to the set."""
        return (name for name in names if name in self._exact or name.startswith(self._beginnings))


OF_ANNOTATIONS = Names(ANNOTATIONS)
OF_LABELS = Names(LABELS)
