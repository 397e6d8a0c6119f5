"""Requests that were refused: nobody is the author of what he did not get, whoever did the same."""

from __future__ import annotations

from typing import Any

from tests.e2e.daemon import wait_for
from tests.e2e.who.ledger import UNKNOWN, Row, create, delete, update
from tests.e2e.who.objects import autoscaler, config, deployment, pod
from tests.e2e.who.people import Hands
from tests.e2e.who.refuser import BY_POLICY, BY_WEBHOOK
from tests.e2e.who.types import DEFINITIONS, own_type

MAPS = "/api/v1/namespaces/{ns}/configmaps"
A = "configmaps/a"
WEB = "deployments.apps/web"
TWO = {"data": {"k": "2"}}


def by_a_policy(hands: Hands) -> list[Row]:
    """Nobody is told of what a policy refuses, so the same request of another is that one's."""
    _refused(hands, BY_POLICY, "POST", MAPS, config("a"))
    hands.make("alice", config("a"))
    _refused(hands, BY_POLICY, "PATCH", f"{MAPS}/a", TWO)
    hands.patch("bob", "configmap/a", TWO)
    _refused(hands, BY_POLICY, "DELETE", f"{MAPS}/a")
    hands.kubectl("alice", "delete", "configmap", "a")
    return [create(A, "alice"), update(A, "bob"), delete(A, "alice")]


def of_other_content(hands: Hands) -> list[Row]:
    """What was refused is told from what was done by its content; a creation by its uid."""
    _refused(hands, BY_WEBHOOK, "POST", MAPS, config("a"))
    hands.make("alice", config("a"))
    _refused(hands, BY_WEBHOOK, "PATCH", f"{MAPS}/a", TWO)
    hands.patch("bob", "configmap/a", {"data": {"k": "3"}})
    _refused(hands, BY_WEBHOOK, "DELETE", f"{MAPS}/a")
    hands.patch("alice", "configmap/a", {"data": {"k": "4"}})
    return [create(A, "alice"), update(A, "bob"), update(A, "alice")]


def of_the_same(hands: Hands) -> list[Row]:
    """The very same, on the same version, asked for by two: which one was refused is not told."""
    hands.make("alice", config("a"))
    _refused(hands, BY_WEBHOOK, "PATCH", f"{MAPS}/a", TWO)
    hands.patch("bob", "configmap/a", TWO)
    _refused(hands, BY_WEBHOOK, "DELETE", f"{MAPS}/a")
    hands.kubectl("alice", "delete", "configmap", "a")
    return [
        create(A, "alice"),
        update(A, UNKNOWN, "ambiguous", "bob"),
        delete(A, UNKNOWN, "ambiguous", heard="alice"),
    ]


def of_a_scale(hands: Hands) -> list[Row]:
    """Another number is told apart; a write of the object besides is told by its stamp."""
    hands.make("alice", deployment())
    scale = "/apis/apps/v1/namespaces/{ns}/deployments/web/scale"
    _refused(hands, BY_WEBHOOK, "PATCH", scale, {"spec": {"replicas": 5}})
    hands.kubectl("bob", "scale", "deployment/web", "--replicas=3")
    _refused(hands, BY_WEBHOOK, "PATCH", scale, {"spec": {"replicas": 4}})
    hands.kubectl("alice", "label", "deployment/web", "x=y")
    return [create(WEB, "alice"), update(WEB, "bob"), update(WEB, "alice")]


def of_an_eviction(hands: Hands) -> list[Row]:
    """An eviction marks the pod before it deletes it, so a refused deletion met an older version."""
    hands.make("alice", pod("p"))
    _refused(hands, BY_WEBHOOK, "DELETE", "/api/v1/namespaces/{ns}/pods/p")
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}}
    hands.send("bob", "POST", "/api/v1/namespaces/{ns}/pods/p/eviction", eviction).raise_for_status()
    return [create("pods/p", "alice"), delete("pods/p", UNKNOWN, "unresolved")]


def of_a_status(hands: Hands) -> list[Row]:
    """A refused edit that cannot be compared is not believed when a status write changes content."""
    hands.make("alice", autoscaler("v1", 3))
    path = "/apis/autoscaling/{v}/namespaces/{ns}/horizontalpodautoscalers/web"
    _settled(hands, path.replace("{v}", "v2"))
    _refused(hands, BY_WEBHOOK, "PATCH", path.replace("{v}", "v1"), {"spec": {"maxReplicas": 7}})
    change = {"metadata": {"annotations": {"x": "y"}, "labels": {"x": "y"}}}
    hands.send("bob", "PATCH", path.replace("{v}", "v2") + "/status", change, "merge").raise_for_status()
    place = "horizontalpodautoscalers.autoscaling/web"
    return [create(place, "alice"), update(place, UNKNOWN, "unresolved")]


def of_a_custom_resource(hands: Hands) -> list[Row]:
    """When its definition goes, the server deletes it without asking: a refused deletion proves nothing."""
    group, place = own_type(hands)
    _refused(hands, BY_WEBHOOK, "DELETE", f"/apis/{group}/v1/namespaces/{{ns}}/gadgets/g")
    hands.kubectl("bob", "delete", "crd", f"gadgets.{group}")
    crd = f"{DEFINITIONS}/gadgets.{group}"
    return [
        create(crd, "alice"),
        delete(crd, "bob"),
        create(place, "bob"),
        delete(place, UNKNOWN, "ambiguous"),
    ]


def _settled(hands: Hands, path: str) -> None:
    """Return when the controller has written the status that it will leave as it is."""
    wait_for("the conditions", lambda: hands.get(path).get("status", {}).get("conditions"))


def _refused(hands: Hands, user: str, method: str, path: str, body: Any = None) -> None:
    kind = "merge" if method == "PATCH" else ""
    answer = hands.send(user, method, path, body, kind)
    assert answer.is_error, answer.text


REFUSALS = (
    by_a_policy,
    of_other_content,
    of_the_same,
    of_a_scale,
    of_an_eviction,
    of_a_status,
    of_a_custom_resource,
)
