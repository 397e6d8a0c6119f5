"""Which workloads are known to be autoscaled."""

from __future__ import annotations

from typing import Any

from reverser.intake.hpa_targets import GROUP, RESOURCE, AutoscalerIndex
from reverser.model.change import Change, Origin, Stream
from reverser.model.resource import ResourceType

VERBS = ("list", "watch")
SCALERS = Stream("default", ResourceType(GROUP, "v2", RESOURCE, "HorizontalPodAutoscaler", True, VERBS))
DEPLOYMENTS = Stream("default", ResourceType("apps", "v1", "deployments", "Deployment", True, VERBS))


def change(stream: Stream, name: str, obj: dict[str, Any], *, deleted: bool = False) -> Change:
    return Change(stream, stream.key("shop", name), Origin.LIVE, deleted, obj, "1", 0.0)


def scaler(name: str, target: str, *, deleted: bool = False) -> Change:
    spec = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": target}}
    return change(SCALERS, name, {"spec": spec}, deleted=deleted)


def scaled(index: AutoscalerIndex) -> list[str]:
    return [name for name in ("web", "shop") if index.scales(change(DEPLOYMENTS, name, {}))]


def test_a_workload_is_scaled_while_any_autoscaler_names_it() -> None:
    """Two may name the same one; each may turn to another, or go."""
    index = AutoscalerIndex()
    assert scaled(index) == []
    index.note(scaler("a", "web"))
    index.note(scaler("a", "web"))
    index.note(scaler("b", "web"))
    assert scaled(index) == ["web"]
    index.note(scaler("b", "shop"))
    assert scaled(index) == ["web", "shop"]
    index.note(scaler("a", "web", deleted=True))
    assert scaled(index) == ["shop"]
    index.listed(SCALERS, lambda key: key.name == "b")
    assert scaled(index) == []
