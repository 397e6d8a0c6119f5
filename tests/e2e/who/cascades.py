"""Deletions that lead to others: each by the controller that did it, and caused by who asked first."""

from __future__ import annotations

from typing import Any

from tests.e2e.daemon import wait_for
from tests.e2e.who.ledger import Row, create, delete, update
from tests.e2e.who.objects import HOLD, LET_GO, config, deployment, pod
from tests.e2e.who.people import Hands

MAPS = "/api/v1/namespaces/{ns}/configmaps"
PODS = "/api/v1/namespaces/{ns}/pods"
WEB = "deployments.apps/web"
A = "configmaps/a"
COLLECTOR = "generic-garbage-collector (kube-system)"
NAMESPACES = "namespace-controller (kube-system)"


def cascades(hands: Hands) -> list[Row]:
    """In the background and in the foreground dependents go by the collector, caused by who asked."""
    told = []
    for cascade in ("background", "foreground"):
        owner, owned = f"configmaps/{cascade}", f"configmaps/{cascade}-owned"
        hands.make("alice", config(cascade))
        hands.make("alice", config(f"{cascade}-owned", ownerReferences=[_owner(hands, cascade)]))
        hands.kubectl("bob", "delete", "configmap", cascade, f"--cascade={cascade}", "--wait=false")
        wait_for("the cascade", lambda owned=owned: hands.gone(f"{MAPS}/{owned.partition('/')[2]}"))
        cause = f"bob deleted configmaps {hands.namespace}/{cascade}"
        told += [create(owner, "alice"), delete(owner, "bob")]
        told += [create(owned, "alice"), delete(owned, COLLECTOR, cause=cause)]
    return told


def orphans(hands: Hands) -> list[Row]:
    """Dependents that stay behind have no commit: who owns an object is in no file."""
    hands.make("alice", config("a"))
    hands.make("alice", config("b", ownerReferences=[_owner(hands, "a")]))
    hands.kubectl("bob", "delete", "configmap", "a", "--cascade=orphan", "--wait=false")
    wait_for("the end", lambda: hands.gone(f"{MAPS}/a"))
    return [create(A, "alice"), delete(A, "bob"), create("configmaps/b", "alice")]


def orphaned_pods(hands: Hands) -> list[Row]:
    """Adopted pods leave Git and orphaned ones enter it, by the controller that did it."""
    labels = {"app": "db"}
    hands.make("alice", {**pod("db"), "metadata": {"name": "db", "labels": labels}})
    template = {"metadata": {"labels": labels}, "spec": pod("db")["spec"]}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    hands.make(
        "bob", {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "db"}, "spec": spec}
    )
    wait_for("the adoption", lambda: "ownerReferences" in hands.get(f"{PODS}/db")["metadata"])
    hands.kubectl("alice", "delete", "replicaset", "db", "--cascade=orphan", "--wait=false")
    wait_for("the end", lambda: hands.gone("/apis/apps/v1/namespaces/{ns}/replicasets/db"))
    place, controller = "pods/db", "replicaset-controller (kube-system)"
    sets = "replicasets.apps/db"
    return [
        *(create(place, "alice"), update(place, controller), create(place, COLLECTOR)),
        *(create(sets, "bob"), delete(sets, "alice")),
    ]


def deployments(hands: Hands) -> list[Row]:
    """What a Deployment's controllers own has no file, however it goes."""
    hands.make("alice", deployment())
    wait_for("a pod", lambda: hands.get(PODS)["items"])
    hands.kubectl("bob", "delete", "deployment", "web", "--cascade=foreground", "--wait=false")
    wait_for("the end", lambda: hands.gone("/apis/apps/v1/namespaces/{ns}/deployments/web"))
    return [create(WEB, "alice"), delete(WEB, "bob")]


def namespaces(hands: Hands) -> list[Row]:
    """What is in a namespace goes by its controller, caused by who deleted the namespace."""
    hands.make("alice", config("a"))
    hands.make("bob", deployment())
    hands.make("bob", config("held", **HOLD["metadata"]))
    hands.kubectl("bob", "delete", "namespace", hands.namespace, "--wait=false")
    wait_for("the deletion", lambda: "deletionTimestamp" in hands.get(f"{MAPS}/held")["metadata"])
    hands.patch("alice", "configmap/held", LET_GO)
    wait_for("the end", lambda: hands.gone("/api/v1/namespaces/{ns}"))
    cause = f"bob deleted namespace {hands.namespace}"
    owner = f"_cluster/namespaces/{hands.namespace}"
    return [
        *(create(A, "alice"), delete(A, NAMESPACES, cause=cause)),
        *(create("configmaps/held", "bob"), delete("configmaps/held", NAMESPACES, cause=cause)),
        *(create(WEB, "bob"), delete(WEB, NAMESPACES, cause=cause)),
        delete(owner, "bob"),
    ]


def _owner(hands: Hands, name: str) -> dict[str, Any]:
    uid = hands.get(f"{MAPS}/{name}")["metadata"]["uid"]
    return {"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": uid, "blockOwnerDeletion": True}


CASCADES = (
    cascades,
    orphans,
    orphaned_pods,
    deployments,
    namespaces,
)
