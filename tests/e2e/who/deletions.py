"""Deletions: they belong to whoever asked, whatever else must happen until the object is gone."""

from __future__ import annotations

from tests.e2e.daemon import wait_for
from tests.e2e.who.ledger import UNKNOWN, Row, create, delete, update
from tests.e2e.who.objects import GADGET, HOLD, LET_GO, config, gadget, pod
from tests.e2e.who.people import Hands

MAPS = "/api/v1/namespaces/{ns}/configmaps"
PODS = "/api/v1/namespaces/{ns}/pods"
A = "configmaps/a"


def finalizers(hands: Hands) -> list[Row]:
    """Adding and removing one is an edit like others; the deletion that waits is who asked for it."""
    hands.make("alice", config("a"))
    hands.patch("bob", "configmap/a", HOLD)
    hands.patch("alice", "configmap/a", LET_GO)
    hands.patch("bob", "configmap/a", HOLD)
    hands.kubectl("alice", "delete", "configmap", "a", "--wait=false")
    hands.kubectl("bob", "delete", "configmap", "a", "--wait=false")
    hands.patch("bob", "configmap/a", {"data": {"k": "2"}})
    hands.patch("bob", "configmap/a", LET_GO)
    wait_for("the end", lambda: hands.gone(f"{MAPS}/a"))
    changes = [update(A, by) for by in ("bob", "alice", "bob")]
    return [create(A, "alice"), *changes, delete(A, "alice")]


def finalizers_and_status(hands: Hands) -> list[Row]:
    """A controller's status writes around a deletion that waits do not hide who asked."""
    hands.make("alice", {**gadget("g"), "metadata": {"name": "g", **HOLD["metadata"]}})
    status = "/apis/who.example.com/v1/namespaces/{ns}/gadgets/g/status"
    hands.send("alice", "PATCH", status, {"status": {"seen": 1}}, "merge").raise_for_status()
    hands.kubectl("bob", "delete", GADGET, "--wait=false")
    hands.send("alice", "PATCH", status, {"status": {"seen": 2}}, "merge").raise_for_status()
    hands.patch("alice", GADGET, LET_GO)
    return [create(GADGET, "alice"), delete(GADGET, "bob")]


def after_others(hands: Hands) -> list[Row]:
    """A deletion is not the last editor's, nor the creator's."""
    hands.make("alice", config("a"))
    hands.patch("bob", "configmap/a", {"data": {"k": "2"}})
    hands.kubectl("alice", "delete", "configmap", "a")
    return [create(A, "alice"), update(A, "bob"), delete(A, "alice")]


def same_name_again(hands: Hands) -> list[Row]:
    """Create, delete and create of one name are three changes of three people, not one object's."""
    for creator, deleter in (("alice", "bob"), ("bob", "alice")):
        hands.make(creator, config("a"))
        hands.kubectl(deleter, "delete", "configmap", "a")
    hands.make("alice", config("a"))
    hands.kubectl("bob", "replace", "--force", "-f", "-", document=config("a", "2"))
    return [
        *(create(A, "alice"), delete(A, "bob"), create(A, "bob"), delete(A, "alice")),
        *(create(A, "alice"), delete(A, "bob"), create(A, "bob")),
    ]


def collections(hands: Hands) -> list[Row]:
    """`deletecollection` asks once an object, those that wait for a finalizer among them."""
    for name in ("a", "b"):
        hands.make("alice", config(name, labels={"of": "bob"}))
    hands.make("alice", config("c", labels={"of": "bob"}, **HOLD["metadata"]))
    hands.make("bob", config("kept"))
    hands.kubectl("bob", "delete", "configmap", "--selector=of=bob", "--wait=false")
    hands.send("alice", "DELETE", f"{MAPS}?labelSelector=of%3Dalice").raise_for_status()
    answer = hands.send("bob", "DELETE", f"{MAPS}?labelSelector=of%3Dbob")
    assert answer.json()["kind"] in ("List", "ConfigMapList")
    hands.patch("alice", "configmap/c", LET_GO)
    held = [
        row
        for name in "abc"
        for row in (create(f"configmaps/{name}", "alice"), delete(f"configmaps/{name}", "bob"))
    ]
    return [*held, create("configmaps/kept", "bob")]


def evictions(hands: Hands) -> list[Row]:
    """An eviction does not tell which pod it meets; its author cannot be known from admission."""
    hands.make("alice", pod("p"))
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "p"}}
    hands.send("bob", "POST", f"{PODS}/p/eviction", eviction).raise_for_status()
    return [create("pods/p", "alice"), delete("pods/p", UNKNOWN, "unresolved")]


def graceful_pods(hands: Hands) -> list[Row]:
    """A pod on a node goes when that was asked for, by who asked, not by who cleans up."""
    hands.make("alice", {**pod("p"), "spec": {**pod("p")["spec"], "nodeName": "nowhere"}})
    hands.kubectl("bob", "delete", "pod", "p", "--wait=false")
    hands.kubectl("alice", "delete", "pod", "p", "--force", "--grace-period=0", "--wait=false")
    wait_for("the end", lambda: hands.gone(f"{PODS}/p"))
    return [create("pods/p", "alice"), delete("pods/p", "bob")]


def endpoints(hands: Hands) -> list[Row]:
    """Endpoints and slices that people made go by who deleted them; a Service's own have no file."""
    hands.kubectl("alice", "create", "service", "clusterip", "web", "--tcp=80:8080")
    ports = [{"name": "http", "port": 80}]
    addresses = {
        "apiVersion": "v1",
        "kind": "Endpoints",
        "metadata": {"name": "mine"},
        "subsets": [{"addresses": [{"ip": "192.0.2.1"}], "ports": ports}],
    }
    piece = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": "piece"},
        "addressType": "IPv4",
    }
    hands.make("bob", addresses)
    hands.make("alice", {**piece, "endpoints": [{"addresses": ["192.0.2.1"]}], "ports": ports})
    hands.kubectl("alice", "delete", "endpoints", "mine")
    hands.kubectl("bob", "delete", "endpointslice", "piece")
    hands.kubectl("bob", "delete", "service", "web")
    return [
        *(create("endpoints/mine", "bob"), delete("endpoints/mine", "alice")),
        *(
            create("endpointslices.discovery.k8s.io/piece", "alice"),
            delete("endpointslices.discovery.k8s.io/piece", "bob"),
        ),
        *(create("services/web", "alice"), delete("services/web", "bob")),
    ]


DELETIONS = (
    finalizers,
    finalizers_and_status,
    after_others,
    same_name_again,
    collections,
    evictions,
    graceful_pods,
    endpoints,
)
