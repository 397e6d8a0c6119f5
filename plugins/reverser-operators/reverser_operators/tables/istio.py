"""Istio registers workloads of virtual machines by itself, and deploys gateways."""

from __future__ import annotations

from reverser_operators.rule import Generated, Strip

_REGISTRATION = "https://github.com/istio/istio/blob/a931f5b01e1c3d73e231bee509abe812e24f89bc/pilot/pkg/autoregistration/controller.go"

MANAGERS = ("pilot-discovery", "istio.io/*", "istiod*")
"""istiod, and what it applies."""
STRIP = (
    Strip(
        source=_REGISTRATION,
        why="which istiod a workload is connected to, and since when",
        resources=("workloadentries.networking.istio.io",),
        annotations=(
            "istio.io/workloadController",
            "istio.io/connectedAt",
            "istio.io/disconnectedAt",
        ),
    ),
)
GENERATED = (
    Generated(
        source=_REGISTRATION,
        reason="istiod registered it when a workload connected",
        resources=("workloadentries.networking.istio.io",),
        when="istio.io/autoRegistrationGroup",
    ),
    Generated(
        source="https://github.com/istio/api/blob/9d7416476ee781eea3678efeacf293ab996ff338/label/labels.gen.go",
        reason="Istio made it for a Gateway",
        resources=("*",),
        when="gateway.istio.io/managed",
    ),
)
