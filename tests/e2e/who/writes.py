"""Creations and updates by people: whatever the way, the one who wrote is the author."""

from __future__ import annotations

from tests.e2e.daemon import wait_for
from tests.e2e.who.ledger import Row, create, delete, update
from tests.e2e.who.objects import config, deployment
from tests.e2e.who.people import Hands

MAPS = "/api/v1/namespaces/{ns}/configmaps"
WEB = "deployments.apps/web"
A = "configmaps/a"


def edits_of_metadata(hands: Hands) -> list[Row]:
    """Labels, annotations, and their removal."""
    hands.make("alice", config("a"))
    hands.kubectl("bob", "label", "configmap", "a", "team=shop")
    hands.kubectl("alice", "annotate", "configmap", "a", "example.com/why=because")
    hands.kubectl("bob", "annotate", "configmap", "a", "example.com/why-")
    hands.kubectl("alice", "label", "configmap", "a", "team-")
    return [create(A, "alice"), *(update(A, by) for by in ("bob", "alice", "bob", "alice"))]


def rollouts(hands: Hands) -> list[Row]:
    """An image, a restart, a rollback; ReplicaSets and pods are the controllers' and have no files."""
    hands.make("alice", deployment())
    hands.kubectl("bob", "set", "image", "deployment/web", "main=registry.example/web:2")
    wait_for("two revisions", lambda: len(_replica_sets(hands)) == 2)
    hands.kubectl("alice", "rollout", "restart", "deployment/web")
    wait_for("three revisions", lambda: len(_replica_sets(hands)) == 3)
    hands.kubectl("bob", "rollout", "undo", "deployment/web")
    return [create(WEB, "alice"), update(WEB, "bob"), update(WEB, "alice"), update(WEB, "bob")]


def _replica_sets(hands: Hands) -> list[object]:
    return list(hands.get("/apis/apps/v1/namespaces/{ns}/replicasets")["items"])


def applies(hands: Hands) -> list[Row]:
    """Client-side, then server-side over it, by others, with a no-op of each between."""
    hands.kubectl("alice", "apply", "-f", "-", document=config("a"))
    hands.kubectl("bob", "apply", "-f", "-", document=config("a"))
    hands.kubectl("bob", "apply", "-f", "-", document=config("a", "2"))
    hands.kubectl(
        "alice", "apply", "--server-side", "--force-conflicts", "-f", "-", document=config("a", "3")
    )
    hands.kubectl("bob", "apply", "--server-side", "--force-conflicts", "-f", "-", document=config("a", "3"))
    hands.kubectl("bob", "apply", "--server-side", "--force-conflicts", "-f", "-", document=config("a", "4"))
    return [create(A, "alice"), update(A, "bob"), update(A, "alice"), update(A, "bob")]


def patch_types(hands: Hands) -> list[Row]:
    """JSON patch, merge patch, strategic merge patch, and a whole new object."""
    hands.make("alice", config("a"))
    hands.patch("bob", "configmap/a", [{"op": "add", "path": "/data/j", "value": "1"}], "json")
    hands.patch("alice", "configmap/a", {"data": {"j": None}}, "merge")
    hands.patch("bob", "configmap/a", {"data": {"s": "1"}}, "strategic")
    hands.kubectl("alice", "replace", "-f", "-", document=config("a", "9"))
    return [create(A, "alice"), *(update(A, by) for by in ("bob", "alice", "bob", "alice"))]


def same_content_twice(hands: Hands) -> list[Row]:
    """Who writes what is there already changes nothing; who wrote it first is the author."""
    hands.make("alice", config("a"))
    for user in ("bob", "alice"):
        hands.patch(user, "configmap/a", {"data": {"k": "2"}})
    hands.patch("alice", "configmap/a", {"data": {"k": "1"}})
    hands.patch("bob", "configmap/a", {"data": {"k": "1"}})
    hands.patch("bob", "configmap/a", {"data": {"k": "2"}})
    return [create(A, "alice"), update(A, "bob"), update(A, "alice"), update(A, "bob")]


def no_ops_between(hands: Hands) -> list[Row]:
    """Writes that change nothing name nobody, and shift nobody's name."""
    hands.make("alice", deployment())
    for user, image in (("bob", "2"), ("alice", "3")):
        hands.kubectl(user, "label", "deployment/web", "app-", "--overwrite")
        change = {
            "spec": {
                "template": {
                    "spec": {"containers": [{"name": "main", "image": f"registry.example/web:{image}"}]}
                }
            }
        }
        hands.patch(user, "deployment/web", change, "strategic")
        hands.patch("alice" if user == "bob" else "bob", "deployment/web", change, "strategic")
    return [create(WEB, "alice"), update(WEB, "bob"), update(WEB, "alice")]


def dry_runs(hands: Hands) -> list[Row]:
    """Who only tried is not the author, with the same content on the same version, of every verb."""
    hands.kubectl("bob", "create", "-f", "-", "--dry-run=server", document=config("a"))
    hands.make("alice", config("a"))
    hands.patch("alice", "configmap/a", {"data": {"k": "2"}}, "merge", "--dry-run=server")
    hands.patch("bob", "configmap/a", {"data": {"k": "2"}})
    hands.make("alice", deployment())
    hands.kubectl("alice", "scale", "deployment/web", "--replicas=3", "--dry-run=server")
    hands.kubectl("bob", "scale", "deployment/web", "--replicas=3")
    hands.kubectl("bob", "delete", "configmap", "a", "--dry-run=server")
    hands.kubectl("alice", "delete", "configmap", "a")
    return [
        create(A, "alice"),
        update(A, "bob"),
        delete(A, "alice"),
        create(WEB, "alice"),
        update(WEB, "bob"),
    ]


def impersonation(hands: Hands) -> list[Row]:
    """The effective user is the author, of everything."""
    hands.kubectl("admin", "create", "--as=alice", "-f", "-", document=config("a"))
    hands.kubectl("admin", "label", "--as=bob", "--as-group=system:authenticated", "configmap", "a", "x=y")
    hands.kubectl("admin", "delete", "--as=alice", "configmap", "a")
    return [create(A, "alice"), update(A, "bob"), delete(A, "alice")]


def generated_names(hands: Hands) -> list[Row]:
    """A name that the server makes up is no obstacle, whoever asks in the same moment."""
    made = []
    for by in ("alice", "bob", "alice"):
        document = {**config("", by), "metadata": {"generateName": "made-"}}
        answer = hands.send(by, "POST", MAPS, document)
        made.append(create(f"configmaps/{answer.json()['metadata']['name']}", by))
    return made


WRITES = (
    edits_of_metadata,
    rollouts,
    applies,
    patch_types,
    same_content_twice,
    no_ops_between,
    dry_runs,
    impersonation,
    generated_names,
)
