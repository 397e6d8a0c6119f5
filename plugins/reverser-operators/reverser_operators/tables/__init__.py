"""One module an operator: `STRIP`, perhaps `GENERATED`, and `MANAGERS`, its field managers; data only.

Each row names where the operator's own source or documentation shows it. What a person could have meant is
not here: `argocd.argoproj.io/sync-wave`, `crossplane.io/external-name`, `karpenter.sh/do-not-disrupt`.
"""

from __future__ import annotations

from types import ModuleType
from typing import TypeAlias

from msgspec.structs import replace

from reverser_operators.rule import Generated, Strip
from reverser_operators.tables import (
    argo_cd,
    argo_rollouts,
    cert_manager,
    crossplane,
    external_secrets,
    flux,
    istio,
    karpenter,
    knative,
    openshift,
    rancher,
)

Table: TypeAlias = tuple[tuple[Strip, ...], tuple[Generated, ...]]


def _table(module: ModuleType) -> Table:
    managers: tuple[str, ...] = module.MANAGERS
    strip = tuple(replace(row, managers=managers) for row in module.STRIP)
    return strip, tuple(replace(row, managers=managers) for row in getattr(module, "GENERATED", ()))


TABLES: dict[str, Table] = {
    name: _table(module)
    for name, module in {
        "argo-cd": argo_cd,
        "argo-rollouts": argo_rollouts,
        "cert-manager": cert_manager,
        "crossplane": crossplane,
        "external-secrets": external_secrets,
        "flux": flux,
        "istio": istio,
        "karpenter": karpenter,
        "knative": knative,
        "openshift": openshift,
        "rancher": rancher,
    }.items()
}
"""Operator -> (what it writes, what it makes)."""
