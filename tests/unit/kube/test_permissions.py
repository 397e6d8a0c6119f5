"""What is missing, as roles."""

from __future__ import annotations

from reverser.kube.permissions import reading, roles
from reverser.model.change import Stream
from reverser.model.resource import ResourceType

PODS = ResourceType("", "v1", "pods", "Pod", namespaced=True)
SECRETS = ResourceType("", "v1", "secrets", "Secret", namespaced=True)
DEPLOYMENTS = ResourceType("apps", "v1", "deployments", "Deployment", namespaced=True)


def test_one_cluster_role_for_all_that_is_cluster_wide() -> None:
    """A rule a group, resources sorted, nothing but reading."""
    (role,) = roles(reading([Stream("c", SECRETS), Stream("c", DEPLOYMENTS), Stream("c", PODS)]), "reverser")

    assert role["kind"] == "ClusterRole"
    assert role["metadata"] == {"name": "reverser"}
    assert role["rules"] == [
        {"apiGroups": [""], "resources": ["pods", "secrets"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": ["get", "list", "watch"]},
    ]


def test_one_role_a_namespace() -> None:
    """Who may see a namespace only gets a Role there, not a ClusterRole."""
    found = roles(
        reading([Stream("c", PODS, "b"), Stream("c", PODS, "a"), Stream("c", SECRETS, "a")]), "reverser"
    )

    assert [(role["kind"], role["metadata"]["namespace"]) for role in found] == [("Role", "a"), ("Role", "b")]


def test_nothing_missing_needs_no_role() -> None:
    """Where no permission is missing, no role is printed."""
    assert roles(reading([]), "reverser") == []
