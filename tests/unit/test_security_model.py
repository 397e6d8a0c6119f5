"""docs/security-model.md says what install.yaml lets the daemon's account write."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
ACCOUNT = {"kind": "ServiceAccount", "name": "gitops-reverser", "namespace": "gitops-reverser-system"}
READING = {"get", "list", "watch"}

Right = tuple[str, str, str, str]
"""Where, resource, name of the one object or "", verb."""


def granted() -> set[Right]:
    """What the roles that are bound to the account grant."""
    documents: list[dict[str, Any]] = [*yaml.safe_load_all((ROOT / "install.yaml").read_text())]
    roles = {(each["kind"], each["metadata"]["name"]): each.get("rules", []) for each in documents}
    rights: set[Right] = set()
    for binding in documents:
        if ACCOUNT in binding.get("subjects", []):
            role = binding["roleRef"]
            where = "cluster" if binding["kind"] == "ClusterRoleBinding" else "own namespace"
            for rule in roles.get((role["kind"], role["name"]), []):
                rights |= _of_rule(where, rule)
    return rights


def _of_rule(where: str, rule: dict[str, Any]) -> set[Right]:
    return {
        (where, resource, name, verb)
        for resource in rule["resources"]
        for name in rule.get("resourceNames", [""])
        for verb in set(rule["verbs"]) - READING
    }


def told() -> set[Right]:
    """The rows of the page."""
    page = (ROOT / "docs/security-model.md").read_text()
    section = page.split("### What the daemon may write")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (cluster|own namespace) \| ([^|]+) \| ([^|]+) \|$", section, re.MULTILINE)
    rights: set[Right] = set()
    for where, resources, verbs in rows:
        before, _, only = resources.partition(", only ")
        for verb in _quoted(verbs):
            for name in _quoted(only) or [""]:
                rights |= {(where, resource, name, verb) for resource in _quoted(before)}
    return rights


def _quoted(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def test_the_page_names_every_right_to_write() -> None:
    """No role of install.yaml gives more than the page says, and the page names no other right."""
    assert granted() == told()


def test_the_account_may_not_list_secrets() -> None:
    """No role of install.yaml lets anybody list or watch Secrets, or covers every type."""
    documents = [*yaml.safe_load_all((ROOT / "install.yaml").read_text())]
    rules = [rule for each in documents for rule in each.get("rules", [])]

    assert [rule for rule in rules if "*" in rule["resources"]] == []
    of_secrets = [set(rule["verbs"]) for rule in rules if "secrets" in rule["resources"]]
    assert of_secrets
    assert not set.union(*of_secrets) & {"list", "watch"}
