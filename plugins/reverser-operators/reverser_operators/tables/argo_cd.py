"""Argo CD keeps the state of Applications in the objects: their CRDs have no status subresource."""

from __future__ import annotations

from reverser_operators.rule import Strip

STRIP = (
    Strip(
        source="argoproj/argo-cd manifests/crds/application-crd.yaml",
        why="the state of the application, and a sync that somebody asked for",
        resources=("applications.argoproj.io",),
        fields=("status", "operation"),
    ),
    Strip(
        source="argoproj/argo-cd pkg/apis/application/v1alpha1/application_annotations.go",
        why="a request to refresh, removed by the controller once it has refreshed",
        resources=("applications.argoproj.io",),
        annotations=("argocd.argoproj.io/refresh",),
    ),
    Strip(
        source="argoproj/argo-cd manifests/crds/appproject-crd.yaml",
        why="tokens that were issued for roles",
        resources=("appprojects.argoproj.io",),
        fields=("status",),
    ),
    Strip(
        source="argoproj/argo-cd common/common.go",
        why="the version of the cluster, which the controller looks up",
        resources=("secrets",),
        when="argocd.argoproj.io/auto-label-cluster-info=true",
        labels=("argocd.argoproj.io/kubernetes-version",),
    ),
)
