"""What the writer of a destination is made from."""

from __future__ import annotations

from typing import Any

from reverser.health import Health
from reverser.metrics import Metrics
from reverser.model.attribution import Actor
from reverser.model.commit import CommitPlan
from reverser.model.destination import Destination
from reverser.model.journal import Journal
from reverser.model.message import Message
from reverser.writer.destination_context import DestinationContext


class ShortMessages:
    """As few words as can be."""

    def message(self, plan: CommitPlan, destination: Destination) -> Message:
        return Message(plan.first.key.name)

    def identity(self, actor: Actor) -> str:
        return f"{actor.name} <>"


def context(journal: Journal, destination: Destination | None = None, **fields: Any) -> DestinationContext:
    """Of a destination `live` that the cluster `default` is written to."""
    return DestinationContext(
        **{
            "destination": destination or Destination("live", "file:///live"),
            "clusters": frozenset({"default"}),
            "journal": journal,
            "metrics": Metrics(),
            "health": Health(),
            "messages": ShortMessages(),
            **fields,
        }
    )
