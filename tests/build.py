"""Entries of the journal."""

from __future__ import annotations

from reverser.model.attribution import Actor, Attribution
from reverser.model.change import Operation, Origin
from reverser.model.entry import Edit, Entry
from reverser.model.resource import ObjectKey


def entry(
    seq: int, name: str = "a", *, origin: Origin = Origin.LIVE, actor: str = "ann", cluster: str = "one"
) -> Entry:
    key = ObjectKey(cluster, "", "pods", "shop", name)
    edit = Edit(f"{cluster}/{name}.yaml", b"x")
    by = Attribution(Actor(actor))
    return Entry("live", key, "v1", "Pod", Operation.UPDATE, origin, edit, 0.0, (), by, seq=seq)
