"""Istio registers workloads of virtual machines by itself, and deploys gateways."""

from __future__ import annotations

from reverser_operators.rule import Made, Strip

_REGISTRATION = "istio/istio pilot/pkg/autoregistration/controller.go"

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
MADE = (
    Made(
        source=_REGISTRATION,
        reason="istiod registered it when a workload connected",
        resources=("workloadentries.networking.istio.io",),
        when="istio.io/autoRegistrationGroup",
    ),
    Made(
        source="istio/api label/labels.gen.go",
        reason="Istio made it for a Gateway",
        resources=("*",),
        when="gateway.istio.io/managed",
    ),
)
