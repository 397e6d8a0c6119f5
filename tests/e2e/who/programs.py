"""System controllers, and what is special to types: each program under its own name."""

from __future__ import annotations

from tests.e2e.daemon import wait_for
from tests.e2e.who.ledger import UNKNOWN, Row, create, delete, update
from tests.e2e.who.objects import config, job
from tests.e2e.who.people import Hands
from tests.e2e.who.types import DEFINITIONS, own_type

A = "configmaps/a"
ROLE = "rbac.authorization.k8s.io/v1"


def finished_jobs(hands: Hands) -> list[Row]:
    """A Job that has outlived its time goes by its controller."""
    document = job("run")
    hands.make(
        "alice", {**document, "spec": {**document["spec"], "ttlSecondsAfterFinished": 0, "suspend": True}}
    )
    path = "/apis/batch/v1/namespaces/{ns}/jobs/run"
    wait_for("the status", lambda: hands.get(path)["status"].get("conditions"))
    at = hands.get(path)["metadata"]["creationTimestamp"]
    ended = [
        {"type": kind, "status": "True", "lastTransitionTime": at} for kind in ("FailureTarget", "Failed")
    ]
    status = {"status": {"startTime": at, "conditions": ended}}
    hands.send("bob", "PATCH", f"{path}/status", status, "merge").raise_for_status()
    wait_for("the end", lambda: hands.gone(path))
    place = "jobs.batch/run"
    return [create(place, "alice"), delete(place, "ttl-after-finished-controller (kube-system)")]


def accounts(hands: Hands) -> list[Row]:
    """An account that people touched is theirs; the one that the controller makes anew has no file."""
    path = "/api/v1/namespaces/{ns}/serviceaccounts/default"
    hands.kubectl("alice", "annotate", "serviceaccount", "default", "example.com/of=alice")
    uid = hands.get(path)["metadata"]["uid"]
    hands.kubectl("bob", "delete", "serviceaccount", "default")
    wait_for("the new account", lambda: not hands.gone(path) and hands.get(path)["metadata"]["uid"] != uid)
    hands.kubectl("alice", "create", "serviceaccount", "robot")
    place = "serviceaccounts/default"
    return [create(place, "alice"), delete(place, "bob"), create("serviceaccounts/robot", "alice")]


def robots(hands: Hands) -> list[Row]:
    """A service account is named as such, with its namespace."""
    hands.kubectl("alice", "create", "serviceaccount", "robot")
    account = f"system:serviceaccount:{hands.namespace}:robot"
    hands.kubectl("bob", "create", "rolebinding", "robot", "--clusterrole=edit", f"--user={account}")
    hands.kubectl("admin", "create", f"--as={account}", "-f", "-", document=config("a"))
    return [
        create("serviceaccounts/robot", "alice"),
        create("rolebindings.rbac.authorization.k8s.io/robot", "bob"),
        create(A, f"robot ({hands.namespace})"),
    ]


def volumes(hands: Hands) -> list[Row]:
    """Binding writes nothing that is kept; a protected claim goes when its deletion was asked for."""
    spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": "none"}
    claim = {**spec, "resources": {"requests": {"storage": "1Gi"}}}
    name = hands.namespace
    volume = {**spec, "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/nowhere"}}
    hands.make(
        "bob", {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": volume}
    )
    claim["volumeName"] = name
    hands.make(
        "alice",
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c"}, "spec": claim},
    )
    path = "/api/v1/namespaces/{ns}/persistentvolumeclaims/c"
    wait_for("the binding", lambda: hands.get(path)["status"]["phase"] == "Bound")
    hands.kubectl("bob", "delete", "persistentvolumeclaim", "c", "--wait=false")
    wait_for("the end", lambda: hands.gone(path))
    hands.kubectl("alice", "delete", "persistentvolume", name, "--wait=false")
    place, around = "persistentvolumeclaims/c", f"_cluster/persistentvolumes/{name}"
    return [create(around, "bob"), delete(around, "alice"), create(place, "alice"), delete(place, "bob")]


def roles(hands: Hands) -> list[Row]:
    """Objects without a namespace; what a controller gathers into a role is written under its name."""
    name, label = hands.namespace, {"gathers": hands.namespace}
    gathering = {"clusterRoleSelectors": [{"matchLabels": label}]}
    whole = {"apiVersion": ROLE, "kind": "ClusterRole", "metadata": {"name": f"{name}-whole"}}
    hands.make("alice", {**whole, "aggregationRule": gathering, "rules": []})
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    part = {"apiVersion": ROLE, "kind": "ClusterRole", "metadata": {"name": f"{name}-part", "labels": label}}
    hands.make("bob", {**part, "rules": rules})
    path = f"/apis/{ROLE}/clusterroles/{name}-whole"
    wait_for("the rules", lambda: hands.get(path)["rules"] == rules)
    hands.kubectl("bob", "delete", "clusterrole", f"{name}-whole")
    hands.kubectl("alice", "delete", "clusterrole", f"{name}-part")
    place = f"_cluster/clusterroles.rbac.authorization.k8s.io/{name}"
    return [
        *(create(f"{place}-part", "bob"), delete(f"{place}-part", "alice")),
        *(create(f"{place}-whole", "alice"), delete(f"{place}-whole", "bob")),
    ]


def marks(hands: Hands) -> list[Row]:
    """An object leaves Git by who marked it, and comes back by who took the mark away."""
    hands.make("alice", config("a"))
    hands.kubectl("bob", "annotate", "configmap", "a", "gitops-reverser.io/ignore=true")
    hands.patch("alice", "configmap/a", {"data": {"k": "2"}})
    hands.kubectl("alice", "annotate", "configmap", "a", "gitops-reverser.io/ignore-")
    hands.kubectl("bob", "delete", "configmap", "a")
    return [create(A, "alice"), update(A, "bob"), create(A, "alice"), delete(A, "bob")]


def appearing_by_apply(hands: Hands) -> list[Row]:
    """A server-side apply that creates is a creation."""
    hands.kubectl("alice", "apply", "--server-side", "-f", "-", document=config("a"))

    hands.kubectl("bob", "apply", "--server-side", "-f", "-", document=config("b"))
    hands.kubectl("bob", "apply", "--server-side", "--force-conflicts", "-f", "-", document=config("a", "2"))
    return [create(A, "alice"), update(A, "bob"), create("configmaps/b", "bob")]


def new_defaults(hands: Hands) -> list[Row]:
    """A default that a definition gains is written by the next status write: nobody's, not the last one's."""
    group, place = own_type(hands)
    path = f"/apis/{group}/v1/namespaces/{{ns}}/gadgets/g"
    schema = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties"
    color = {"color": {"type": "string", "default": "red"}}
    hands.patch("alice", f"crd/gadgets.{group}", [{"op": "add", "path": schema, "value": color}], "json")
    wait_for("the default", lambda: "color" in hands.get(path)["spec"])
    hands.send("bob", "PATCH", f"{path}/status", {"status": {"seen": 1}}, "merge").raise_for_status()
    hands.kubectl("bob", "delete", "crd", f"gadgets.{group}")
    crd = f"{DEFINITIONS}/gadgets.{group}"
    nobody = "unresolved"
    return [
        *(create(crd, "alice"), update(crd, "alice"), delete(crd, "bob")),
        *(create(place, "bob"), update(place, UNKNOWN, nobody)),
        delete(place, UNKNOWN, nobody, swept=True),
    ]


PROGRAMS = (finished_jobs, accounts, robots, volumes, roles, marks, appearing_by_apply, new_defaults)
