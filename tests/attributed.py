"""Changes with facts about them, and who is named as their author."""

from __future__ import annotations

from typing import Any

from reverser.attribution.fact_index import Facts
from reverser.attribution.resolve import attribute
from reverser.model.attribution import Actor
from reverser.model.change import Operation
from reverser.model.fact import Fact, Source
from reverser.model.observed_write import ObservedWrite
from reverser.model.resource import ObjectKey

WEB = ObjectKey("default", "apps", "deployments", "shop", "web")


NOW = 1000.0


def subject(**fields: Any) -> ObservedWrite:
    """An update of `web` from version 5 to 6."""
    given = {
        "key": WEB, "kind": "Deployment", "uid": "u1", "operation": Operation.UPDATE, "previous_version": "5",
        "version": "6", "digest": b"new", "seen_at": NOW,
    }  # fmt: skip
    return ObservedWrite(**{**given, **fields})


def deletion(**fields: Any) -> ObservedWrite:
    return subject(operation=Operation.DELETE, **{"removed": True, **fields})


def asked(actor: str, **fields: Any) -> Fact:
    """An admission call for exactly that update."""
    given = {"previous_version": "5", "digest": b"new", "source": Source.ADMISSION}
    return fact(actor, **{**given, **fields})


def told(actor: str, **fields: Any) -> Fact:
    """An audit event of exactly that update."""
    return fact(actor, **{"version": "6", "source": Source.AUDIT, "completed_at": NOW, **fields})


def fact(actor: str, **fields: Any) -> Fact:
    given = {
        "id": f"{actor} {sorted(fields.items(), key=str)}", "cluster": "default", "group": "apps",
        "resource": "deployments", "namespace": "shop", "name": "web", "uid": "u1", "at": NOW - 0.5,
        "operation": Operation.UPDATE, "actor": Actor(actor),
    }  # fmt: skip
    return Fact(**{**given, **fields})


def who(change: ObservedWrite, *found: Fact) -> tuple[str, str]:
    attribution = attribute(change, index(*found))
    return attribution.actor.name, attribution.evidence.value


def index(*found: Fact) -> Facts:
    facts = Facts()
    for each in found:
        facts.add(each, NOW)
    return facts


AMBIGUOUS = ("unknown", "ambiguous")
