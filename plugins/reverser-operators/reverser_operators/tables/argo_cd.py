"""Argo CD keeps the state of Applications in the objects: their CRDs have no status subresource."""

from __future__ import annotations

from reverser_operators.rule import Strip

MANAGERS = ("argocd-*",)
"""Its programs, by their names."""
STRIP = (
    Strip(
        source=(
            "https://github.com/argoproj/argo-cd/blob/18f0d5758820bdeca0b0e61b06a85c2d1265aaf0/manifests/crds/application-crd.yaml",
            "https://github.com/argoproj/argo-cd/blob/001c2272222aa353df6a80715fea402207f596e7/controller/appcontroller.go",
        ),
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
        source=(
            "https://github.com/argoproj/argo-cd/blob/1b0b389b9b8c574d1bda8062343b843af3757936/manifests/crds/appproject-crd.yaml",
            "https://github.com/argoproj/argo-cd/blob/ebc3a37441a143495a0995377212439e7240d508/server/project/project.go",
        ),
        why="tokens that were issued for roles",
        resources=("appprojects.argoproj.io",),
        fields=("status",),
    ),
    Strip(
        source=(
            "https://github.com/argoproj/argo-cd/blob/010192f53b82d45c34b49767cc13def5240520ec/common/common.go",
            "https://github.com/argoproj/argo-cd/blob/00e5285f28db3d77a9c37153ebef82dcc4d9b4e3/controller/clusterinfoupdater.go",
        ),
        why="the version of the cluster, which the controller looks up",
        resources=("secrets",),
        when="argocd.argoproj.io/auto-label-cluster-info=true",
        labels=("argocd.argoproj.io/kubernetes-version",),
    ),
)
