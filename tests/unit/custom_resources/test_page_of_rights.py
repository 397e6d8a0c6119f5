"""docs/custom-resources.md lists the rights that the daemon needs."""

from __future__ import annotations

import re

from reverser.config import parse
from reverser.custom_resources.model import Compiled, ObjectName
from reverser.custom_resources.rights import needed
from reverser.kube.permissions import Right
from tests.tools.crd_tables import PAGE

CONFIG = """
[resources]
known_hosts = "reverser/known-hosts"
[tenancy]
service_account = "default"
"""


def listed() -> set[tuple[str, str, str]]:
    """Group, resource and verb of each right in the table."""
    text = PAGE.read_text().split("\n## Rights\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1:4] for line in text.splitlines() if line.startswith("| ") and "`" in line]
    cells = [[re.findall(r"`([^`]+)`", cell) for cell in row] for row in rows]
    return {
        ((group or [""])[0], resource, verb)
        for group, resources, verbs in cells
        for resource in resources
        for verb in verbs
    }


def test_the_page_lists_the_rights_that_are_used() -> None:
    """Neither less, for then something would not work, nor more, for then somebody would grant it."""
    rights = needed(parse(CONFIG, {}), Compiled(secrets=frozenset({ObjectName("shop", "login")})))

    assert listed() == {(each.group, each.resource, each.verb) for each in rights}


def test_whether_a_config_was_deleted_may_be_asked() -> None:
    """What is journaled for a GitRepoConfig is dropped after its name was looked up, which needs `get`."""
    rights = needed(parse(CONFIG, {}), Compiled())

    assert Right("", "configbutler.ai", "gitrepoconfigs", "get") in rights
