"""One module an operator: `STRIP` and `MADE`, data only.

Each row was checked against the operator's own source, which it names. What a person could have meant is
not here: `argocd.argoproj.io/sync-wave`, `crossplane.io/external-name`, `karpenter.sh/do-not-disrupt`.
"""

from __future__ import annotations

from reverser_operators.rule import Made, Strip
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

TABLES: dict[str, tuple[tuple[Strip, ...], tuple[Made, ...]]] = {
    "argo-cd": (argo_cd.STRIP, ()),
    "argo-rollouts": (argo_rollouts.STRIP, ()),
    "cert-manager": (cert_manager.STRIP, cert_manager.MADE),
    "crossplane": (crossplane.STRIP, crossplane.MADE),
    "external-secrets": (external_secrets.STRIP, ()),
    "flux": (flux.STRIP, ()),
    "istio": (istio.STRIP, istio.MADE),
    "karpenter": (karpenter.STRIP, karpenter.MADE),
    "knative": (knative.STRIP, ()),
    "openshift": (openshift.STRIP, openshift.MADE),
    "rancher": (rancher.STRIP, ()),
}
"""Operator -> (what it writes, what it makes)."""
