"""Where objects are, and what is asked for."""

from __future__ import annotations

from reverser.kube.lists import collection, page_params, watch_params
from reverser.model.change import Stream
from reverser.model.resource import ResourceType

PODS = ResourceType("", "v1", "pods", "Pod", namespaced=True)
DEPLOYMENTS = ResourceType("apps", "v1", "deployments", "Deployment", namespaced=True)


def test_paths_of_collections() -> None:
    """Core and named groups, all namespaces and one; a namespace cannot change the path."""
    assert collection(Stream("c", PODS)) == "/api/v1/pods"
    assert collection(Stream("c", PODS, "shop")) == "/api/v1/namespaces/shop/pods"
    assert collection(Stream("c", DEPLOYMENTS, "shop")) == "/apis/apps/v1/namespaces/shop/deployments"
    assert collection(Stream("c", PODS, "../x?y")) == "/api/v1/namespaces/..%2Fx%3Fy/pods"


def test_a_watch_with_a_position_does_not_list() -> None:
    """Without one it asks for a streaming list; both ask for bookmarks and a random end."""
    listing, resuming = watch_params(""), watch_params("7")

    assert listing["sendInitialEvents"] == "true"
    assert listing["resourceVersionMatch"] == "NotOlderThan"
    assert "resourceVersion" not in listing
    assert resuming["resourceVersion"] == "7"
    assert "sendInitialEvents" not in resuming
    assert listing["allowWatchBookmarks"] == resuming["allowWatchBookmarks"] == "true"
    assert {240 <= int(watch_params("7")["timeoutSeconds"]) <= 480 for _ in range(100)} == {True}


def test_pages_are_consistent() -> None:
    """The first page names no resourceVersion, which makes it consistent; the next ones name a token."""
    assert page_params("", 20) == {"limit": 20}
    assert page_params("abc", 80) == {"limit": 80, "continue": "abc"}
