"""Ways to write: subresources, other served versions, large objects, and types that the server completes."""

from __future__ import annotations

from tests.e2e.who.ledger import Row, create, delete, update
from tests.e2e.who.objects import GADGET, autoscaler, config, deployment, gadget, job, pod
from tests.e2e.who.people import Hands

WEB = "deployments.apps/web"
A = "configmaps/a"
LARGE_BYTES = 300_000


def scale(hands: Hands) -> list[Row]:
    """The scale subresource, of a workload and of a custom resource."""
    hands.make("alice", deployment())
    hands.kubectl("bob", "scale", "deployment/web", "--replicas=3")
    hands.kubectl("alice", "scale", "deployment/web", "--replicas=3")
    hands.kubectl(
        "alice",
        "patch",
        "deployment/web",
        "--subresource=scale",
        "--type=merge",
        '-p={"spec":{"replicas":2}}',
    )
    hands.make("alice", gadget("g"))
    hands.kubectl("bob", "scale", GADGET, "--replicas=4")
    known = "admission-key"
    return [
        create(WEB, "alice", "admission"),
        update(WEB, "bob", known),
        update(WEB, "alice", known),
        create(GADGET, "alice", "admission"),
        update(GADGET, "bob", known),
    ]


def autoscale(hands: Hands) -> list[Row]:
    """An autoscaler through the version that is not watched, and through the one that is."""
    hands.make("alice", deployment())
    hands.kubectl("bob", "autoscale", "deployment/web", "--min=1", "--max=3", "--name=made")
    hands.make("bob", autoscaler("v1", 3))
    hands.kubectl(
        "alice", "apply", "--server-side", "--force-conflicts", "-f", "-", document=autoscaler("v1", 5)
    )
    hands.kubectl("bob", "replace", "-f", "-", document=autoscaler("v2", 5, cpu=70))
    hands.kubectl("alice", "delete", "horizontalpodautoscalers.v1.autoscaling", "web")
    place = "horizontalpodautoscalers.autoscaling/web"
    return [
        create(WEB, "alice"),
        create("horizontalpodautoscalers.autoscaling/made", "bob"),
        create(place, "bob", "admission-key"),
        update(place, "alice", "admission-key"),
        update(place, "bob", "admission"),
        delete(place, "alice"),
    ]


def status_writes(hands: Hands) -> list[Row]:
    """Of a custom resource: they make no commit, and the writer of the next content is its author."""
    hands.make("alice", gadget("g"))
    for size in (2, 3):
        hands.kubectl(
            "alice",
            "patch",
            GADGET,
            "--subresource=status",
            "--type=merge",
            f'-p={{"status":{{"seen":{size}}}}}',
        )
        hands.patch("bob", GADGET, {"spec": {"size": size}})
    place = GADGET
    return [create(place, "alice"), update(place, "bob"), update(place, "bob")]


def other_versions(hands: Hands) -> list[Row]:
    """A custom resource written in its other served version: the key alone, and still exact."""
    hands.make("alice", gadget("g", version="v1beta1"))
    hands.kubectl(
        "bob", "apply", "--server-side", "--force-conflicts", "-f", "-", document=gadget("g", 2, "v1beta1")
    )
    hands.patch("alice", GADGET, {"spec": {"size": 3}})
    hands.kubectl("bob", "delete", "gadgets.v1beta1.who.example.com", "g")
    place = GADGET
    return [
        create(place, "alice", "admission-key"),
        update(place, "bob", "admission-key"),
        update(place, "alice", "admission"),
        delete(place, "bob"),
    ]


def large_objects(hands: Hands) -> list[Row]:
    """Over 256 KiB the content is not compared, and a no-op or another's edit between changes nothing."""
    document = config("a", "x" * LARGE_BYTES)
    hands.make("alice", document)
    hands.next_second()
    hands.patch("bob", "configmap/a", {"data": {"by": "bob"}})
    hands.patch("alice", "configmap/a", {"data": {"by": "bob"}})
    hands.patch("alice", "configmap/a", {"data": {"by": "alice"}})
    hands.patch("bob", "configmap/a", {"data": {"k": "small"}})
    hands.kubectl("alice", "delete", "configmap", "a")
    key = "admission-key"
    changes = [update(A, "bob", key), update(A, "alice", key), update(A, "bob", "admission")]
    return [create(A, "alice", key), *changes, delete(A, "alice")]


def jobs(hands: Hands) -> list[Row]:
    """The server adds labels to a Job after we were asked; they are not held against its author."""
    hands.make("alice", job("run"))
    hands.patch("bob", "job/run", {"spec": {"suspend": True}})
    hands.kubectl("alice", "delete", "job", "run")
    place = "jobs.batch/run"
    return [create(place, "alice", "admission"), update(place, "bob", "admission"), delete(place, "alice")]


def services(hands: Hands) -> list[Row]:
    """Addresses that the server gives are there when we are asked."""
    hands.kubectl("alice", "create", "service", "clusterip", "web", "--tcp=80:8080")
    hands.patch("bob", "service/web", {"spec": {"type": "NodePort"}})
    hands.patch("alice", "service/web", {"spec": {"type": "ClusterIP"}})
    place = "services/web"
    return [
        create(place, "alice", "admission"),
        update(place, "bob", "admission"),
        update(place, "alice", "admission"),
    ]


def subresources_of_pods(hands: Hands) -> list[Row]:
    """A resize goes through a subresource of its own; a debugging container changes no file."""
    hands.make(
        "alice",
        {**pod("p"), "spec": {"containers": [{"name": "main", "image": "x", "resources": _cpu("100m")}]}},
    )
    debugger = {"spec": {"ephemeralContainers": [{"name": "look", "image": "x"}]}}
    hands.patch("bob", "pod/p", debugger, "strategic", "--subresource=ephemeralcontainers")
    more = {"spec": {"containers": [{"name": "main", "resources": _cpu("200m")}]}}
    hands.patch("bob", "pod/p", more, "strategic", "--subresource=resize")
    hands.kubectl("alice", "label", "pod", "p", "x=y")
    place = "pods/p"
    return [create(place, "alice"), update(place, "bob"), update(place, "alice")]


def bytes_without_content(hands: Hands) -> list[Row]:
    """`key: ` in a template: the API server asks about null, and stores empty bytes."""
    hands.make("alice", {**config("a"), "binaryData": {"b": None}})
    hands.patch("bob", "configmap/a", {"data": {"k": "2"}})
    return [create(A, "alice", "admission"), update(A, "bob", "admission")]


def _cpu(amount: str) -> dict[str, dict[str, str]]:
    return {"requests": {"cpu": amount}}


WAYS = (
    scale,
    autoscale,
    status_writes,
    other_versions,
    large_objects,
    jobs,
    services,
    subresources_of_pods,
    bytes_without_content,
)
