"""The audit policy tells writes of what is selected, and never a Secret's value."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from reverser.model.resource import ResourceType
from reverser.model.rule import Rule
from reverser.webhook.address import by_url
from reverser.webhook.audit_policy import policy, policy_file, webhook_file

DEPLOYMENTS = ResourceType(
    "apps", "v1", "deployments", "Deployment", True, short_names=("deploy",), subresources=("status",)
)
WIDGETS = ResourceType("example.com", "v1", "widgets", "Widget", True, subresources=("status",))
TYPES = (DEPLOYMENTS, WIDGETS)
ALL = Rule("all", "live")


def level(
    content: dict[str, Any], group: str, resource: str, verb: str = "update", namespace: str = "shop"
) -> str:
    """The level of a request: the first rule that matches, as the API server reads it."""
    for rule in content["rules"]:
        if (
            "nonResourceURLs" not in rule
            and verb in rule.get("verbs", [verb])
            and namespace in rule.get("namespaces", [namespace])
            and any(matches(row, group, resource) for row in rule.get("resources", [{"group": group}]))
        ):
            return str(rule["level"])
    return "None"


def matches(row: dict[str, Any], group: str, resource: str) -> bool:
    plural, _, sub = resource.partition("/")
    told = row.get("resources")
    return row["group"] == group and (
        told is None
        or any(
            each in (resource, "*") or (sub != "" and each == f"*/{sub}") or each == f"{plural}/*"
            for each in told
        )
    )


@pytest.mark.parametrize("types", [(), TYPES], ids=["offline", "discovered"])
@pytest.mark.parametrize(
    "rules",
    [
        [ALL],
        [Rule("some", "live", resources=("secrets", "deploy"))],
        [Rule("some", "live", resources=("*.",), namespaces=("shop",))],
    ],
    ids=["all", "named", "one namespace"],
)
def test_no_secret_travels(rules: list[Rule], types: tuple[ResourceType, ...]) -> None:
    """Secrets are told by name only, and what answers with a token is not told at all."""
    content = policy(rules, types=types)

    for verb in ("create", "update", "patch", "delete", "deletecollection", "get", "list", "watch"):
        assert level(content, "", "secrets", verb) in ("Metadata", "None")
        assert level(content, "", "secrets/status", verb) in ("Metadata", "None")
        assert level(content, "", "serviceaccounts/token", verb) == "None"
        assert level(content, "authentication.k8s.io", "tokenreviews", verb, "") == "None"
    assert level(content, "", "secrets") == "Metadata"
    assert level(policy(rules, types=types, secrets=False), "", "secrets") == "None"


def test_writes_come_with_bodies_and_reads_not_at_all() -> None:
    """RequestResponse for every verb that changes something, subresources that change content included."""
    content = policy([ALL], types=TYPES)

    for verb in ("create", "update", "patch", "delete", "deletecollection"):
        assert level(content, "apps", "deployments", verb) == "RequestResponse"
    for resource in ("deployments/scale", "pods/ephemeralcontainers", "pods/eviction"):
        assert level(content, "apps" if "deploy" in resource else "", resource) == "RequestResponse"
    for verb in ("get", "list", "watch"):
        assert level(content, "apps", "deployments", verb) == "None"
    assert content["omitStages"] == ["RequestReceived"]


def test_what_changes_no_content_is_left_out() -> None:
    """Status, leases, events, and commands to pods."""
    content = policy([ALL], types=TYPES)

    for group, resource in (
        ("apps", "deployments/status"),
        ("example.com", "widgets/status"),
        ("", "nodes/status"),
        ("coordination.k8s.io", "leases"),
        ("", "events"),
        ("events.k8s.io", "events"),
        ("", "pods/exec"),
        ("", "pods/binding"),
    ):
        assert level(content, group, resource, "patch") == "None", resource


def test_only_what_rules_select_is_told() -> None:
    """Types by name and namespaces by name; and the deletion of a namespace, the cause of others."""
    content = policy([Rule("some", "live", resources=("deploy",), namespaces=("shop",))], types=TYPES)

    assert level(content, "apps", "deployments") == "RequestResponse"
    assert level(content, "apps", "deployments/scale") == "RequestResponse"
    assert level(content, "apps", "deployments", namespace="other") == "None"
    assert level(content, "", "configmaps") == "None"
    assert level(content, "", "secrets") == "None"
    assert level(content, "", "namespaces", "delete", "other") == "Request"
    assert level(content, "", "namespaces", "update", "other") == "None"


def test_globs_of_namespaces_are_not_narrowed() -> None:
    """A policy knows no globs: more is told than the rules select."""
    content = policy([Rule("some", "live", namespaces=("team-*",))], types=TYPES)

    assert level(content, "apps", "deployments", namespace="team-a") == "RequestResponse"


def test_the_files_are_yaml_with_their_flags() -> None:
    """What stands above the document are comments; a kubeconfig has what the API server reads of it."""
    text = webhook_file(by_url("https://10.0.0.5:9443"), b"PEM", login=True)
    content = policy([ALL])

    assert yaml.safe_load(policy_file(content)) == content
    loaded = yaml.safe_load(text)
    assert loaded["clusters"][0]["cluster"] == {
        "server": "https://10.0.0.5:9443/audit",
        "certificate-authority-data": "UEVN",
    }
    assert b"--audit-webhook-batch-max-wait=1s" in text
    assert b"client-certificate" in text
    assert b"--audit-policy-file" in policy_file(content)
