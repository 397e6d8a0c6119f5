"""What the journal stores about the identity and the history of a cluster.

A cluster is identified by the uid of its namespace `kube-system`: positions of another cluster mean nothing.
A cluster that was restored from a backup keeps its uid and uses versions a second time, for other contents.
So facts from before the restore must not be joined with changes after it, not even after a restart of
reverser.
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
