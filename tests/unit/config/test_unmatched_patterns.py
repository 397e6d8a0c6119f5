"""Patterns that match no type are told, with what follows from it."""

from __future__ import annotations

import msgspec
import structlog

from reverser.app.cluster_reports import ClusterReports
from reverser.config import parse
from reverser.config.unmatched_patterns import empty, unmatched
from reverser.health import Health
from reverser.metrics import Metrics
from reverser.model.resource import ResourceType
from reverser.select.rules import CompiledRule

TYPES = [
    ResourceType("", "v1", "secrets", "Secret", True),
    ResourceType("example.com", "v1", "databases", "Database", True),
]
TEXT = """
[[clusters]]
name = "default"
[[destinations]]
name = "live"
url = "https://example.com/live.git"
[[rules]]
name = "all"
destination = "live"
resources = ["*", "secrts"]
[[sensitive]]
resources = ["databases.example.com", "databasses.example.com"]
[[sanitize]]
resources = ["widgets"]
strip = ["spec.x"]
"""


def test_each_table_is_looked_at() -> None:
    """Rules, what is sensitive, and what is stripped; with the likely spelling where there is one."""
    told = [str(each) for each in unmatched(parse(TEXT, {}), "default", TYPES)]

    assert told == [
        "rules.all.resources: no served type is called secrts now; it is watched once it appears"
        " (did you mean secrets?)",
        "sensitive[0].resources: no served type is called databasses.example.com now; types that it could"
        " mean are withheld (did you mean databases.example.com?)",
        "sanitize[0].resources: no served type is called widgets now; nothing that it means is stripped",
    ]


def test_rules_of_custom_resources_are_no_part_of_it() -> None:
    """Their patterns are products of groups and names; the status tells what selects nothing."""
    config = parse(TEXT, {})
    rule = msgspec.structs.replace(config.rules[0], name="shop/all[0]", destination="shop/live")

    of_resources = msgspec.structs.replace(config, rules=(rule,), sensitive=(), sanitize=())

    assert unmatched(of_resources, "default", TYPES) == []
    assert empty([CompiledRule(rule, lambda kind: False)], [], []) == []


def test_the_daemon_warns_once_of_what_matches_nothing() -> None:
    """A misspelt type, of `[[sensitive]]` above all, is in the log, not at each discovery anew."""
    reports = ClusterReports(parse(TEXT, {}), "default", Metrics(), Health())

    with structlog.testing.capture_logs() as lines:
        reports.discovered(TYPES, {})
        reports.discovered(TYPES, {})

    told = [(each["key"], each["pattern"]) for each in lines if each["log_level"] == "warning"]
    assert told == [
        ("rules.all.resources", "secrts"),
        ("sensitive[0].resources", "databasses.example.com"),
        ("sanitize[0].resources", "widgets"),
    ]
