"""What came along with a change, in words and trailers."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverser.manifest.field_changes import (
    FIELDS_MOST,
    TRAILERS_MOST,
    FieldChanges,
    along_lines,
    came_along_trailers,
    field_changes,
    parse_came_along,
)
from reverser.model.attribution import Actor, Attribution, Evidence
from reverser.model.change import Operation, Origin
from reverser.model.commit import CommitPlan
from reverser.model.entry import UNSEEN, Along, Edit, Entry, Record
from reverser.model.resource import ObjectKey
from reverser.model.rule import Actors

KEY = ObjectKey("default", "apps", "deployments", "shop", "web")
WEB = "shop/deployments.apps/web"
ALICE = Attribution(Actor("alice"), Evidence.ADMISSION)
FLUX = Attribution(Actor("flux"), Evidence.ADMISSION)
FOLD = (Actors(exclude_users=("flux",), excluded="fold"),)


def spec(**fields: Any) -> dict[str, Any]:
    return {"kind": "Deployment", "spec": fields}


def record(old: dict[str, Any], latest: dict[str, Any] | None = None) -> Record:
    seen = b"" if latest is None else msgspec.json.encode(latest)
    return Record("live", KEY, "web.yaml", b"digest", msgspec.json.encode(old), latest=seen)


def entry(name: str = "web", **fields: Any) -> Entry:
    """An update by alice, of rules that fold flux in."""
    key = msgspec.structs.replace(KEY, name=name)
    plain = Entry("live", key, "apps/v1", "Deployment", Operation.UPDATE, Origin.LIVE, Edit("a", b""), 1.0)
    return msgspec.structs.replace(plain, **{"attribution": ALICE, "actors": FOLD} | fields)


def change(known: Record | None, new: dict[str, Any], **how: bool) -> FieldChanges:
    return field_changes(known, new, **{"created": False, "secret": False} | how)


@pytest.mark.parametrize(
    ("old", "latest", "new", "changes", "along"),
    [
        (spec(r=1), None, spec(r=2), ["spec.r: 1 -> 2"], []),
        (spec(r=1), spec(r=9), spec(r=9, p=1), ["spec.p: + 1"], ["spec.r: 1 -> 9 (came along)"]),
        (spec(r=1), spec(r=4), spec(r=9), ["spec.r: 4 -> 9"], []),
        (spec(r=1), spec(r=9), spec(r=1), ["spec.r: 9 -> 1"], []),
        (
            spec(),
            spec(m={"a": 1}),
            spec(m={"a": 1, "b": 2}),
            ["spec.m.b: + 2"],
            ["spec.m.a: + 1 (came along)"],
        ),
        (spec(), spec(m={"a": 1}), spec(), ['spec.m: - {"a":1}'], []),
        (
            spec(m={"a": 1}),
            spec(),
            spec(m={"b": 2}),
            ['spec.m: + {"b":2}'],
            [],
        ),
        (
            spec(m={"a": 1}, p=1),
            spec(p=1),
            spec(p=2),
            ["spec.p: 1 -> 2"],
            ["spec.m.a: - 1 (came along)"],
        ),
    ],
)
def test_an_author_did_what_differs_from_right_before(
    old: dict[str, Any], latest: Any, new: dict[str, Any], changes: list[str], along: list[str]
) -> None:
    """What others wrote before, and still stands, came along."""
    found = change(record(old, latest), new)

    assert ([*found.changes], [each.line for each in found.along]) == (changes, along)
    assert [each.path for each in found.along] == [line.partition(": ")[0] for line in along]


def test_fields_of_a_map_that_came_or_went_are_told_one_by_one() -> None:
    """Another may have written another field of the same map."""
    assert change(record(spec(m={"a": 1, "b": {}})), spec(p=1)).fields == ("spec.m.a", "spec.m.b", "spec.p")
    assert change(record(spec()), spec(m={"c": {"d": 1}})).fields == ("spec.m.c.d",)


def test_what_was_not_seen_may_be_anybodys() -> None:
    """After a version that was withheld, nothing is claimed for the author, values of Secrets in no line."""
    known = msgspec.structs.replace(record(spec(r=1)), latest=UNSEEN)

    found = change(known, spec(r=2), secret=True)

    assert found == FieldChanges(along=(Along("spec.r", "spec.r: changed (may have come along)"),))


@pytest.mark.parametrize("known", [None, "anew", "absent", "damaged"])
def test_whoever_changes_an_object_that_had_no_file_wrote_not_all_of_it(known: str | None) -> None:
    """All of it came along; of one that was created nothing did."""
    before = None if known is None else record(spec(r=1))
    if before is not None:
        mark = {"mark": known} if known != "damaged" else {"digest": b""}
        before = msgspec.structs.replace(before, **mark)

    changed, made = change(before, spec(r=2)), change(before, spec(r=2), created=True)

    assert [each.path for each in changed.along] == ["*"]
    assert (changed.changes, made.along, made.fields) == ((), (), ("*",))


def test_many_fields_are_all_of_them() -> None:
    """A trailer that cannot name each path names all."""
    many = {f"f{number}": number for number in range(FIELDS_MOST + 1)}

    found = change(record(spec(), spec(**many)), spec(p=1, **many))

    assert found.changes == ("spec.p: + 1",)
    assert found.along[-1].path == "*"
    assert came_along_trailers(CommitPlan((entry(along=found.along),))) == [f"*; object={WEB}"]
    assert len(along_lines(entry(along=found.along))) == 10
    assert change(record(spec()), spec(**many)).fields == ("*",)


def test_what_is_folded_in_is_nameless() -> None:
    """Unless the author wrote it again later in the same commit."""
    flux = entry(attribution=FLUX, changes=("a: + 1", "b: + 1"), fields=("a", "b"))
    alice = entry(changes=("a: 1 -> 2",), fields=("a",))

    assert came_along_trailers(CommitPlan((flux, alice))) == [f"b; object={WEB}"]
    assert came_along_trailers(CommitPlan((alice, flux))) == [f"a; object={WEB}", f"b; object={WEB}"]
    earlier = msgspec.structs.replace(flux, fields=())
    assert came_along_trailers(CommitPlan((earlier, alice))) == [f"*; object={WEB}"]


def test_a_creation_or_deletion_in_the_same_commit_ends_it() -> None:
    """Of what an object was before its deletion nothing is left."""
    before = entry(along=(Along("a", "a: + 1 (came along)"),))
    gone = entry(operation=Operation.DELETE, edit=Edit("a", None))
    made = entry(operation=Operation.CREATE, fields=("*",))

    assert came_along_trailers(CommitPlan((before,))) == [f"a; object={WEB}"]
    assert came_along_trailers(CommitPlan((before, gone))) == []
    assert came_along_trailers(CommitPlan((before, gone, made))) == []


def test_trailers_are_bounded() -> None:
    """One for each object where there are many, and one for all where even these are many."""
    along = tuple(Along(f"f{number}") for number in range(FIELDS_MOST))
    few = CommitPlan(tuple(entry(f"web-{number}", along=along) for number in range(3)))
    many = CommitPlan(tuple(entry(f"web-{number}", along=along) for number in range(TRAILERS_MOST + 1)))

    assert came_along_trailers(few) == [f"*; object={WEB}-{number}" for number in range(3)]
    assert came_along_trailers(many) == ["*"]
    assert parse_came_along("*") == ("*", "*")


@given(path=st.text(min_size=1), name=st.text(min_size=1))
def test_a_trailer_is_read_back(path: str, name: str) -> None:
    """Whatever fields and objects are called, the path is told from the object."""
    found = parse_came_along(came_along_trailers(CommitPlan((entry(name, along=(Along(path),)),)))[0])

    assert found is not None or "\n" in path + name
    assert found is None or found == (path.replace(";", "\\u003b"), str(entry(name).key))
