"""Events as the API server takes them, and the release of 2025 that runs beside us."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from reverser.custom_resources.events import Event, document
from reverser.custom_resources.model import ObjectName, ObjectRef
from reverser.custom_resources.seed_beside import DEPLOYMENTS, WEBHOOKS, seed_beside
from reverser.kube.client import Client
from reverser.kube.errors import Forbidden

NOW = datetime(2026, 1, 31, 12, 0, 0, 5, tzinfo=UTC)


def test_an_event_is_about_its_object() -> None:
    """It stands in the object's namespace, and a note that is too long is cut between characters."""
    ref = ObjectRef("GitRepoConfig", ObjectName("shop", "web"))
    event = document(Event(ref, "u", "Warning", "ConnectionFailed", "ä" * 1000), NOW, "host")

    assert event["metadata"]["namespace"] == "shop"
    assert event["regarding"]["uid"] == "u"
    assert event["eventTime"] == "2026-01-31T12:00:00.000005Z"
    assert event["note"] == "ä" * 512


def test_an_event_about_a_cluster_rule_stands_in_default() -> None:
    """An object without a namespace has its Events there, as those of nodes."""
    ref = ObjectRef("ClusterWatchRule", ObjectName("", "all"))
    event = document(Event(ref, "u", "Normal", "Ready", "fine"), NOW, "host")

    assert event["metadata"]["namespace"] == "default"
    assert "namespace" not in event["regarding"]


def deployment(image: str, *args: str, replicas: int = 2) -> dict[str, Any]:
    container = {"image": image, "args": list(args)}
    return {
        "metadata": {"name": "gitops-reverser", "namespace": "gitops-reverser"},
        "spec": {"replicas": replicas, "template": {"spec": {"containers": [container]}}},
    }


class Server:
    """Lists some Deployments and one webhook of the release of 2025."""

    def __init__(self, *deployments: dict[str, Any], forbidden: bool = False) -> None:
        self.deployments = deployments
        self.forbidden = forbidden

    async def get(self, path: str, params: Any, *, into: Any) -> Any:
        if self.forbidden:
            raise Forbidden(403, "Forbidden", "no")
        service = {"service": {"path": "/process-validating-webhook"}}
        hook = {"name": "gitops-reverser.configbutler.ai", "clientConfig": service}
        other = {"name": "policy.example.com", "clientConfig": service}
        hooks = [
            {"metadata": {"name": "theirs"}, "webhooks": [hook]},
            {"metadata": {"name": "other"}, "webhooks": [other]},
        ]
        return {"items": {DEPLOYMENTS: [*self.deployments], WEBHOOKS: hooks}[path]}


SEED = "ghcr.io/configbutler/gitops-reverser:0.7.0"


async def test_the_release_of_2025_is_named_with_what_stops_it() -> None:
    """Its Deployment and its webhook, and one line of commands."""
    beside = await seed_beside(cast("Client", Server(deployment(SEED, "--leader-elect"))))
    installation = beside.installation

    assert installation is not None
    assert "Deployment gitops-reverser/gitops-reverser with the webhook theirs" in installation.message
    assert installation.hint == (
        "stop it: kubectl -n gitops-reverser scale deployment gitops-reverser --replicas=0"
        " && kubectl delete validatingwebhookconfiguration theirs"
    )


@pytest.mark.parametrize(
    "server",
    [
        Server(deployment(SEED, "--leader-elect", replicas=0)),
        Server(deployment(SEED, "run", "--config", "/etc/reverser.toml")),
        Server(deployment("example.com/web:1", "--leader-elect")),
        Server({}, {"spec": None}),
        Server(forbidden=True),
    ],
    ids=["stopped", "newer release", "other program", "nonsense", "not allowed to look"],
)
async def test_nothing_else_is_taken_for_it(server: Server) -> None:
    """No replicas, another program, or no right to look."""
    assert (await seed_beside(cast("Client", server))).installation is None
