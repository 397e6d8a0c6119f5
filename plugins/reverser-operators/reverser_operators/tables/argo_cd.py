"""Argo CD keeps the state of Applications in the objects: their CRDs have no status subresource."""

from __future__ import annotations

from reverser_operators.rule import Strip

MANAGERS = ("argocd-*",)
"""Its programs, by their names."""
STRIP = (
    Strip(
        source="https://github.com/argoproj/argo-cd/blob/18f0d5758820bdeca0b0e61b06a85c2d1265aaf0/manifests/crds/application-crd.yaml",
        why="the state of the application, and a sync that somebody asked for",
        resources=("applications.argoproj.io",),
        fields=("status", "operation"),
    ),
    Strip(
        source="https://github.com/argoproj/argo-cd/blob/113ffe540c2b4ff2fdc042fd8a00f6fd7f5ce3d7/pkg/apis/application/v1alpha1/application_annotations.go",
        why="a request to refresh, removed by the controller once it has refreshed",
        resources=("applications.argoproj.io",),
        annotations=("argocd.argoproj.io/refresh",),
    ),
    Strip(
        source="https://github.com/argoproj/argo-cd/blob/1b0b389b9b8c574d1bda8062343b843af3757936/manifests/crds/appproject-crd.yaml",
        why="tokens that were issued for roles",
        resources=("appprojects.argoproj.io",),
        fields=("status",),
    ),
    Strip(
        source="https://github.com/argoproj/argo-cd/blob/master/common/common.go",
        why="the version of the cluster, which the controller looks up",
        resources=("secrets",),
        when="argocd.argoproj.io/auto-label-cluster-info=true",
        labels=("argocd.argoproj.io/kubernetes-version",),
    ),
)
