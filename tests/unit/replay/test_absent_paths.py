"""Paths of `[[sensitive]]` that no object of a replay has."""

from __future__ import annotations

from typing import Any

import msgspec

from reverser.model.resource import ResourceType
from reverser.model.rule import SensitiveRule
from reverser.replay.absent_paths import AbsentPaths

V1 = ResourceType("example.com", "v1", "databases", "Database", True)
V2 = msgspec.structs.replace(V1, version="v2")
RULES = (
    SensitiveRule(("databases.example.com",), paths=("spec.password", "spec.users[*].token")),
    SensitiveRule(("configmaps",), keys=("*-token",)),
)
BOTH = {"spec": {"password": "x", "users": [{"token": "x"}]}}


def noted(
    *objects: tuple[ResourceType, Any], whole: bool = True, facts: dict[str, str] | None = None
) -> AbsentPaths:
    absent = AbsentPaths(RULES)
    absent.seed(facts or {})
    for type_, content in objects:
        absent.note(type_, content, whole=whole)
    return absent


def test_what_no_object_has_is_missing() -> None:
    """As the rule spells it, whatever the number of objects."""
    absent = noted((V1, {"spec": {"users": [{"token": "x"}]}}), (V1, {"spec": {}}))

    assert absent.missing() == {"databases.example.com/v1": ["spec.password"]}
    assert noted((V1, {"spec": {}}), (V1, BOTH)).missing() == {}


def test_each_version_is_looked_at_by_itself() -> None:
    """A new version may call the field otherwise."""
    absent = noted((V1, BOTH), (V2, {"spec": {"auth": {"password": "x"}}}))

    assert absent.missing() == {"databases.example.com/v2": ["spec.password", "spec.users[*].token"]}


def test_what_was_found_once_is_known_to_later_runs() -> None:
    """They read what is new, and an object without the path is then no sign."""
    first = noted((V1, BOTH))
    facts = first.facts()

    assert facts == {"found/databases.example.com/v1": '["spec.password","spec.users[*].token"]'}
    assert first.facts() == {}
    assert noted((V1, {"spec": {}}), facts=facts).missing() == {}
    assert noted((V1, {"spec": {}}), facts={"found/databases.example.com/v1": "rubbish"}).missing()


def test_a_patch_shows_what_is_there_and_not_what_is_missing() -> None:
    """What it leaves alone may be hidden already in what it was put on."""
    absent = noted((V1, {"spec": {"password": "x"}}), whole=False)
    assert absent.missing() == {}

    absent.note(V1, {"spec": {}}, whole=True)
    assert absent.missing() == {"databases.example.com/v1": ["spec.users[*].token"]}


def test_types_without_paths_are_not_looked_at() -> None:
    """Nor is anything where no rule has a path."""
    maps = ResourceType("", "v1", "configmaps", "ConfigMap", True)

    assert noted((maps, {"data": {}})).missing() == {}
    assert not AbsentPaths(RULES[1:])
