"""Changes of objects, and the routes and records that decisions are made with."""

from __future__ import annotations

from typing import Any

from reverser.intake.decide import decide
from reverser.intake.route import Route, compile_routes
from reverser.model.change import Change, Origin, Stream
from reverser.model.destination import Destination
from reverser.model.entry import Record
from reverser.model.resource import ResourceType
from reverser.model.rule import Rule, SanitizeRule
from tests.hooks import HOOKS

DEPLOYMENTS = ResourceType("apps", "v1", "deployments", "Deployment", True, subresources=("status", "scale"))


KEY = bytes(range(32))


EVERYTHING = Rule("everything", "live")


LIVE = Destination("live", "file:///live")


SEEN_AT = 1000.0


def route(
    *rules: Rule, destination: Destination = LIVE, sanitize: tuple[SanitizeRule, ...] = (), key: bytes = KEY
) -> Route:
    (made,) = compile_routes(rules or (EVERYTHING,), [destination], sanitize, key, HOOKS)["default"]
    return made


def web(*, labels: dict[str, str] | None = None, replicas: int = 1, **metadata: Any) -> dict[str, Any]:
    named = {"name": "web", "namespace": "shop", "uid": "1", "resourceVersion": "7", "labels": labels or {}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": named | metadata,
        "spec": {"replicas": replicas},
        "status": {"replicas": replicas},
    }


def change(
    obj: dict[str, Any],
    origin: Origin = Origin.LIVE,
    *,
    type: ResourceType = DEPLOYMENTS,  # noqa: A002
    deleted: bool = False,
    created: bool = False,
) -> Change:
    stream = Stream("default", type)
    key = stream.key(obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
    version = "8" if origin is Origin.LIVE else ""
    return Change(stream, key, origin, deleted, obj, version, SEEN_AT, created=created)


def recorded(made: Route, obj: dict[str, Any], **fields: Any) -> Record:
    record = decide(made, change(obj, Origin.SNAPSHOT, **fields), None).record
    assert record is not None
    return record
