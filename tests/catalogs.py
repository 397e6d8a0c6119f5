"""What a cluster serves, as the webhooks look it up."""

from __future__ import annotations

from reverser.kube.type_catalog import ServedTypes, TypeCatalog
from reverser.model.resource import ResourceType


def catalog(*types: ResourceType, clusters: tuple[str, ...] = ("default",)) -> TypeCatalog:
    """Every one of the clusters serves these types; without any, nothing is known yet."""
    served = ServedTypes()
    served.learn(types, now=0.0)
    result = TypeCatalog()
    result.observe(dict.fromkeys(clusters, lambda: served))
    return result
