"""The table `[plugins.operators]`."""

from __future__ import annotations

from typing import Literal

import msgspec

Operator = Literal[
    "argo-cd",
    "argo-rollouts",
    "cert-manager",
    "crossplane",
    "external-secrets",
    "flux",
    "istio",
    "karpenter",
    "knative",
    "openshift",
    "rancher",
]


class Settings(msgspec.Struct, frozen=True):
    """The table itself."""

    skip: tuple[Operator, ...] = ()
    """Operators whose rules are not used."""
    generated: bool = msgspec.field(default=True, name="made")
    """Leave out objects that operators make."""
    atomic: bool = False
    """Also take parts out of maps and lists that server-side apply replaces as a whole."""
