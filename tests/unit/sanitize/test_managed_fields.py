"""managedFields: who wrote last, and who owns what."""

from __future__ import annotations

from typing import Any

import pytest

from reverser.sanitize.managed_fields import Ownership, changed_at, manager, status_marks

AT = {"one": "2026-11-20T08:00:00Z", "two": "2026-11-20T08:00:02Z"}
SECONDS = 1795161600.0


def entry(name: str, time: str = "", **fields: Any) -> dict[str, Any]:
    told = {"manager": name, "apiVersion": "v1", "operation": "Update", "fieldsV1": {}, **fields}
    return {**told, "time": AT[time]} if time else told


def obj(*entries: Any, annotations: Any = None) -> dict[str, Any]:
    return {"metadata": {"managedFields": list(entries), "annotations": annotations or {}}}


@pytest.mark.parametrize(
    ("entries", "name", "at"),
    [
        ([entry("a", "one"), entry("b", "two")], "b", SECONDS + 2),
        ([entry("b", "two"), entry("a", "one")], "b", SECONDS + 2),
        ([entry("a", "one"), entry("kubelet", "two", subresource="status")], "a", SECONDS),
        ([entry("a", "one"), entry("b", "two", subresource="scale")], "b", SECONDS + 2),
        ([entry("a", "one"), entry("b", "one")], "b", SECONDS),
        ([entry("a", "one"), entry("b")], "a", SECONDS),
        ([entry("a"), entry("b")], "b", None),
        ([entry("a", subresource="status")], "", None),
        ([], "", None),
        (["text", None, {}], "", None),
        ([{"manager": "a", "time": 7}], "a", None),
    ],
)
def test_the_newest_entry_that_is_not_status_counts(entries: list[Any], name: str, at: float | None) -> None:
    """Status writers do not count, missing times are the oldest, and of one second the last wins."""
    assert (manager(obj(*entries)), changed_at(obj(*entries))) == (name, at)


@pytest.mark.parametrize("content", [{}, {"metadata": 1}, {"metadata": {"managedFields": {}}}])
def test_an_object_without_entries_has_no_manager(content: dict[str, Any]) -> None:
    """What cannot be told is empty, never an error."""
    assert (manager(content), changed_at(content), status_marks(content)) == ("", None, ())


def test_status_entries_are_told_apart() -> None:
    """By writer, time and fields, in whatever order of entries and keys; others do not count."""
    first = entry("kubelet", "one", subresource="status")
    marks = [
        status_marks(obj(each))
        for each in (
            first,
            {**first, "manager": "other"},
            {**first, "time": AT["two"]},
            {**first, "fieldsV1": {"f:metadata": {}}},
        )
    ]
    assert len({*marks}) == 4
    other = entry("a", "one", subresource="status")
    mixed = obj(entry("b"), other, dict(reversed(first.items())))
    assert status_marks(mixed) == status_marks(obj(first, other))
    assert status_marks(obj(entry("a"), entry("b", subresource="scale"), "text")) == ()


def test_an_entry_that_cannot_be_read_is_no_error() -> None:
    """An entry of managedFields that is absurdly deep is read without an error."""
    deep: dict[str, Any] = {}
    for _ in range(100_000):
        deep = {"f:x": deep}

    assert len(status_marks(obj(entry("a", subresource="status", fieldsV1=deep)))) == 1


PORT = {"port": 80, "protocol": "TCP"}
PATH = ("spec", "ports", PORT, "nodePort")
TREE = {"f:spec": {"f:ports": {'k:{"port":80,"protocol":"TCP"}': {"f:nodePort": {}}}, "f:whole": {}}}


@pytest.mark.parametrize(
    ("entries", "owned"),
    [
        ([entry("kubectl", fieldsV1=TREE)], True),
        ([entry("kubectl"), entry("kube-controller-manager", fieldsV1=TREE)], False),
        ([entry("before-first-apply", fieldsV1=TREE)], False),
        ([entry("kubectl"), entry("helm", apiVersion="v2", fieldsV1=TREE)], False),
        ([entry("kubectl"), entry("kubectl", subresource="status", fieldsV1=TREE)], False),
        ([entry("helm", apiVersion="v2", fieldsV1=TREE)], True),
        ([], True),
    ],
)
def test_a_field_is_owned_by_people_only(entries: list[Any], owned: bool) -> None:
    """Controllers, other versions and status writers own nothing; where nobody can tell, it is owned."""
    assert Ownership(obj(*entries), "v1").owned(*PATH) is owned


def test_what_is_inside_an_atomic_value_is_owned_with_it() -> None:
    """A leaf of the tree stands for all that is inside."""
    owners = Ownership(obj(entry("kubectl", fieldsV1=TREE)), "v1")

    assert owners.owned("spec", "whole", "part")
    assert not owners.owned("spec", "other")


@pytest.mark.parametrize(
    ("applied", "owned"),
    [
        ('{"spec":{"ports":[{"port":80,"nodePort":30080}]}}', True),
        ('{"spec":{"ports":[{"port":80,"protocol":"UDP","nodePort":30080}]}}', False),
        ('{"spec":{"ports":[{"port":80}]}}', False),
        ('{"spec":{"ports":"text"}}', False),
        ("[]", False),
        ("no JSON", False),
    ],
)
def test_the_last_applied_annotation_shows_what_a_person_set(applied: str, owned: bool) -> None:
    """A field that stands there counts as owned, whatever managedFields says."""
    annotations = {"kubectl.kubernetes.io/last-applied-configuration": applied}

    assert Ownership(obj(entry("kubectl"), annotations=annotations), "v1").owned(*PATH) is owned


def test_doubt_is_decided_by_who_asks() -> None:
    """Without entries a rule may decide by value alone."""
    assert not Ownership(obj(), "v1").owned("spec", "x", in_doubt=False)
