"""Paths of `[[sensitive]]` that no object has: told once a type, and no longer than it lasts."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import structlog

from reverser.health import Health
from reverser.intake.unmatched_paths import UnmatchedPaths
from reverser.model.change import Change, Origin, Stream
from reverser.model.resource import ResourceType
from reverser.model.rule import SensitiveRule

DATABASES = Stream("default", ResourceType("example.com", "v1", "databases", "Database", True))
MAPS = Stream("default", ResourceType("", "v1", "configmaps", "ConfigMap", True))
RULES = (
    SensitiveRule(("databases",), paths=("spec.password", "spec.users[*].token")),
    SensitiveRule(("configmaps",), keys=("*-token",)),
)


def change(stream: Stream, **fields: Any) -> Change:
    obj = {"apiVersion": "v1", "kind": "x", "metadata": {"name": "a"}, **fields}
    return Change(
        stream,
        stream.key("shop", "a"),
        Origin.SNAPSHOT,
        deleted=False,
        object=obj,
        resource_version="1",
        seen_at=0,
    )


@pytest.fixture
def health() -> Health:
    return Health()


def told(health: Health) -> dict[str, str]:
    return {each.subject: each.message for each in health.conditions if each.status}


def test_a_path_that_no_object_has_is_told_once(health: Health) -> None:
    """One condition and one line a type, naming the path, however many objects there are."""
    unmet = UnmatchedPaths(RULES, health)

    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            unmet.note(
                change(DATABASES, spec={"auth": {"password": "canary"}, "users": [{"token": "canary"}]})
            )
            unmet.note(change(MAPS, data={"a": "b"}))
            unmet.listed(DATABASES)
            assert unmet.listed(MAPS) == {}

    ((subject, message),) = told(health).items()
    assert subject == "sensitive/default/databases.example.com"
    assert "spec.password" in message
    assert "token" not in message
    assert [line["paths"] for line in lines] == [["spec.password"]]
    assert "canary" not in str(lines) + message


def test_it_ends_when_an_object_has_it(health: Health) -> None:
    """Whether a list brings it or the watch."""
    unmet = UnmatchedPaths(RULES, health)
    unmet.note(change(DATABASES, spec={"users": [{"token": "x"}]}))
    unmet.listed(DATABASES)
    assert told(health)

    unmet.note(change(DATABASES, spec={"password": "x"}))
    unmet.show()

    assert told(health) == {}
    assert unmet.listed(DATABASES) == {}


def test_a_new_version_is_looked_at_anew(health: Health) -> None:
    """What objects had in another version says nothing of this one."""
    unmet = UnmatchedPaths(RULES, health)
    unmet.note(change(DATABASES, spec={"password": "x", "users": [{"token": "x"}]}))
    assert unmet.listed(DATABASES) == {}
    newer = msgspec.structs.replace(DATABASES, type=msgspec.structs.replace(DATABASES.type, version="v2"))

    unmet.note(change(newer, spec={"auth": {"password": "x"}}))
    unmet.listed(newer)

    assert "spec.password, spec.users[*].token" in told(health)["sensitive/default/databases.example.com"]


def test_a_restart_forgets_nothing(health: Health) -> None:
    """A stream that resumes lists nothing: the journal tells, of paths that are still configured."""
    before = UnmatchedPaths(RULES, Health())
    before.note(change(DATABASES, spec={}))
    facts = before.listed(DATABASES)
    assert facts

    UnmatchedPaths(RULES, health).seed(facts)
    assert "spec.password" in told(health)["sensitive/default/databases.example.com"]
    other = Health()
    UnmatchedPaths((SensitiveRule(("databases",), paths=("spec.auth.password",)),), other).seed(facts)
    assert told(other) == {}


def test_a_type_without_objects_tells_nothing(health: Health) -> None:
    """And one that is followed no more takes its condition along."""
    unmet = UnmatchedPaths(RULES, health)
    assert unmet.listed(DATABASES) == {}
    unmet.note(change(DATABASES, spec={}))
    unmet.listed(DATABASES)

    unmet.forget(DATABASES)

    assert told(health) == {}


def test_the_first_object_of_a_type_tells(health: Health) -> None:
    """A list of none proves that all objects are looked at, the first that the watch brings among them."""
    unmet = UnmatchedPaths(RULES, health)
    assert unmet.listed(DATABASES) == {}

    unmet.note(change(DATABASES, spec={"users": [{"token": "x"}]}))
    facts = unmet.show()

    assert "spec.password" in told(health)["sensitive/default/databases.example.com"]
    assert facts == {"unmet/default/databases.example.com": '["spec.password"]'}
    assert unmet.show() == {}


def test_a_watch_that_resumed_tells_of_nothing_new(health: Health) -> None:
    """One object is not all of them: what others have is not known."""
    unmet = UnmatchedPaths(RULES, health)

    unmet.note(change(DATABASES, spec={}))

    assert unmet.show() == {}
    assert told(health) == {}


def test_the_journal_hears_that_an_object_has_the_path(health: Health) -> None:
    """Else the next start would tell of it again."""
    unmet = UnmatchedPaths(RULES, health)
    unmet.seed({"unmet/default/databases.example.com": '["spec.password"]'})

    unmet.note(change(DATABASES, spec={"password": "x"}))

    assert unmet.show() == {"unmet/default/databases.example.com": ""}
    assert told(health) == {}


def test_without_paths_nothing_is_looked_at(health: Health) -> None:
    """Rules without paths cost no object anything."""
    assert not UnmatchedPaths(RULES[1:], health)
