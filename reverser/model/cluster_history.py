"""What the journal keeps about the history of a cluster, as facts under their names.

A cluster is known by the uid of its namespace `kube-system`: positions of another one mean nothing.
One that was restored from a backup keeps its uid and gives versions out again, to other contents:
what was told by the versions of before must join nothing, also after a restart.
"""

from __future__ import annotations

from collections.abc import Mapping

from reverser.model.change import StartedOver
from reverser.model.fact import Fact

BEGAN = "history/"


def identity(cluster: str) -> str:
    """Under this name is the uid of the cluster that the positions are of."""
    return f"uid/{cluster}"


def begun(started: StartedOver) -> dict[str, str]:
    """The fact that a type's history has begun anew."""
    type_ = started.stream.type
    return {_name(started.stream.cluster, type_.group, type_.resource): str(started.seen_at)}


def joinable(fact: Fact, arrived_at: float, histories: Mapping[str, str]) -> bool:
    """Whether a fact is of the history of today; `histories` are all facts that begin with BEGAN."""
    return arrived_at > float(histories.get(_name(fact.cluster, fact.group, fact.resource), 0))


def _name(cluster: str, group: str, resource: str) -> str:
    return f"{BEGAN}{cluster}/{group}/{resource}"
