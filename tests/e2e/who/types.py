"""A custom type of one scenario's own, which may come and go."""

from __future__ import annotations

from tests.e2e.daemon import wait_for
from tests.e2e.who.objects import definition, gadget
from tests.e2e.who.people import Hands

DEFINITIONS = "_cluster/customresourcedefinitions.apiextensions.k8s.io"


def own_type(hands: Hands) -> tuple[str, str]:
    """(group, path of the file) of an object by bob, of a type by alice, once the daemon follows both."""
    group = f"{hands.namespace}.example.com"
    hands.make("alice", definition(group))
    path = f"/apis/{group}/v1/namespaces/{hands.namespace}/gadgets"
    wait_for("the type", lambda: hands.plane.http.get(path).is_success)
    hands.make("bob", {**gadget("g"), "apiVersion": f"{group}/v1"})
    hands.followed(f"gadgets.{group}/g")
    return group, f"gadgets.{group}/g"
