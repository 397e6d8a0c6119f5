"""Promises of what is remembered of objects, so that a change can be joined to who asked for it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from reverser.attribution.version_tracker import ENTRIES_MOST, VersionTracker
from reverser.model.change import Change, ListCompleted, ListStarted, Operation, Origin, Stream
from reverser.model.entry import Edit, Entry
from reverser.model.resource import ResourceType

DEPLOYMENTS = ResourceType("apps", "v1", "deployments", "Deployment", True, ("list", "watch"))
SEEN_AT = 1772355600.0
"""2026-03-01T09:00:00Z."""
STREAM = Stream("default", DEPLOYMENTS)


def _change(version: str, origin: Origin = Origin.LIVE, **changed: Any) -> Change:
    metadata = {"name": "web", "namespace": "shop", "uid": "u1", "resourceVersion": version}
    keys = {name: changed.pop(name) for name in list(changed) if name in ("created", "removed", "deleted")}
    metadata |= changed.pop("metadata", {})
    content = {"metadata": metadata, **changed}
    base = Change(STREAM, STREAM.key("shop", "web"), origin, False, content, version, SEEN_AT)
    return msgspec.structs.replace(base, **keys)


def _entry(change: Change, changes: tuple[str, ...] = ("spec.paused: false -> true",)) -> Entry:
    return Entry(
        destination="live",
        key=change.key,
        api_version="apps/v1",
        kind="Deployment",
        operation=Operation.UPDATE,
        origin=change.origin,
        edit=Edit("shop/deployments.apps/web.yaml", b"x"),
        changed_at=0.0,
        changes=changes,
    )


def _subject(sightings: VersionTracker, change: Change, **keys: Any) -> Any:
    return sightings.subject(change, _entry(change, **keys), b"digest")


def test_the_version_before_is_that_of_the_last_event() -> None:
    """A status write counts too: a request is known by the version that it met."""
    sightings = VersionTracker()
    sightings.note(_change("5", created=True))
    sightings.note(_change("6"))

    subject = _subject(sightings, _change("7"))

    assert (subject.operation, subject.previous_version, subject.version) == (Operation.UPDATE, "6", "7")


def test_an_object_not_seen_before() -> None:
    """ADDED is a creation; after a restart a MODIFIED of an unknown object has no version before it."""
    created = _subject(VersionTracker(), _change("5", created=True))
    unknown = _subject(VersionTracker(), _change("7"))

    assert (created.operation, created.previous_version) == (Operation.CREATE, "")
    assert (unknown.operation, unknown.previous_version) == (Operation.UPDATE, "")


def _managed(*entries: tuple[str, str, str]) -> dict[str, Any]:
    """metadata of an object with entries of (manager, subresource, time)."""
    names = ("manager", "subresource", "time")
    return {"managedFields": [dict(zip(names, entry, strict=True)) for entry in entries]}


EDIT = ("kubectl-edit", "", "2024-01-01T00:00:00Z")
STATUS = ("kubelet", "status", "2024-01-01T00:00:00Z")
LATER = ("kubelet", "status", "2024-01-01T00:00:01Z")


@pytest.mark.parametrize(
    ("before", "after", "written"),
    [
        ((EDIT,), (EDIT, STATUS), True),
        ((EDIT, STATUS), (EDIT, LATER), True),
        ((EDIT, STATUS), (EDIT, STATUS), False),
        ((EDIT, STATUS), (EDIT,), False),
        ((STATUS,), (STATUS, EDIT), False),
    ],
)
def test_status_writes(before: Any, after: Any, written: bool) -> None:
    """A new status entry tells of a write through status, whose manager is not the newest of the others."""
    sightings = VersionTracker()
    sightings.note(_change("5", created=True, metadata=_managed(*before)))

    subject = _subject(sightings, _change("6", metadata=_managed(*after)))

    assert (subject.status_written, subject.manager) == (written, "" if written else "kubectl-edit")


def test_absurdly_many_managers_are_none() -> None:
    """Looking at them all would hold the event loop: who wrote is then unknown, and the rest is told."""
    many = _managed(*[EDIT] * ENTRIES_MOST, LATER)
    sightings = VersionTracker()
    sightings.note(_change("5", created=True, metadata=_managed(EDIT)))

    subject = _subject(sightings, _change("6", metadata=many))

    assert (subject.manager, subject.status_written, subject.written_at) == ("", False, 0.0)
    assert (subject.previous_version, subject.version) == ("5", "6")


def test_a_list_replaces_what_was_seen() -> None:
    """After a complete list only its objects are known, each in the list's version."""
    sightings = VersionTracker()
    sightings.note(_change("5", created=True, metadata={"uid": "gone"}))
    sightings.started(ListStarted(STREAM))
    sightings.note(_change("8", Origin.SNAPSHOT))
    assert sightings.versions() == {("default", "gone"): "5"}

    sightings.completed(ListCompleted(STREAM, "9", 100.0))

    assert sightings.versions() == {("default", "u1"): "8"}
    assert _subject(sightings, _change("10")).previous_version == "8"


def test_objects_of_a_list_have_no_author() -> None:
    """A listed object may stand for many writes by many people."""
    assert _subject(VersionTracker(), _change("5", Origin.SNAPSHOT)) is None


@pytest.mark.parametrize(("deleting", "removed"), [(False, True), (True, False)])
def test_deletions(deleting: bool, removed: bool) -> None:
    """DELETED counts as the deletion itself only where no event before has shown its intent."""
    sightings = VersionTracker()
    sightings.note(_change("5", created=True))
    sightings.note(_change("6", deleted=deleting))

    subject = _subject(sightings, _change("7", deleted=True, removed=True))

    assert (subject.operation, subject.removed) == (Operation.DELETE, removed)
    sightings.note(_change("7", deleted=True, removed=True))
    assert sightings.versions() == {}


@pytest.mark.parametrize(
    ("changes", "only"),
    [
        (("spec.replicas: 2 -> 5",), True),
        (("spec.replicas: 2 -> 5", "spec.paused: false -> true"), False),
        (("spec.paused: false -> true",), False),
        ((), None),
    ],
)
def test_scaling(changes: tuple[str, ...], only: bool | None) -> None:
    """A change that did nothing but scale is told from others; both numbers are known."""
    sightings = VersionTracker()
    sightings.note(_change("5", created=True, spec={"replicas": 2}))

    subject = _subject(sightings, _change("6", spec={"replicas": 5}), changes=changes)

    assert (subject.replicas_before, subject.replicas, subject.replicas_only) == (2, 5, only)


def test_when_it_was_written() -> None:
    """The stamp of a write is known only where it is new, and where one entry alone has it."""
    sightings = VersionTracker()

    def managed(*seconds: int) -> dict[str, Any]:
        times = [f"2026-03-01T08:00:{second:02}Z" for second in seconds]
        return {"managedFields": [{"manager": f"m{at}", "time": at} for at in times]}

    sightings.note(_change("5", created=True, metadata=managed(1)))

    assert _subject(sightings, _change("6", metadata=managed(1, 4))).written_at % 60 == 4
    assert _subject(sightings, _change("6", metadata=managed(4, 4))).written_at == 0
    assert _subject(sightings, _change("6", metadata=managed(1))).written_at == 0


def _stamped(*entries: tuple[str, str, int], owned: str = "f:a") -> dict[str, Any]:
    return {
        "managedFields": [
            {
                "manager": manager,
                "operation": operation,
                "time": f"2026-03-01T08:00:{second:02}Z",
                "fieldsV1": {owned: {}},
            }
            for manager, operation, second in entries
        ]
    }


def test_which_stamps_are_new() -> None:
    """Against the event before, without which none is new; what the API server makes up is nobody's."""
    sightings = VersionTracker()
    later = _stamped(("a", "Apply", 4), ("b", "Update", 1), ("ancient-changes", "Update", 5))

    def stamps() -> list[tuple[str, bool, bool]]:
        subject = _subject(sightings, _change("6", metadata=later))
        return [(stamp.manager, stamp.applied, stamp.fresh) for stamp in subject.stamps]

    assert stamps() == [("a", True, False), ("b", False, False)]
    sightings.note(_change("5", created=True, metadata=_stamped(("a", "Apply", 1), ("b", "Update", 1))))
    assert stamps() == [("a", True, True), ("b", False, False)]


def test_an_apply_that_gives_up_fields_is_noticed() -> None:
    """By its entry, which is another or gone."""
    sightings = VersionTracker()
    sightings.note(_change("5", created=True, metadata=_stamped(("a", "Apply", 1), ("b", "Update", 1))))

    def left(metadata: dict[str, Any]) -> tuple[bool, bool]:
        subject = _subject(sightings, _change("6", metadata=metadata))
        return subject.receded, subject.restated

    assert left(_stamped(("a", "Apply", 1), ("b", "Update", 1))) == (False, True)
    assert left(_stamped(("a", "Apply", 1))) == (False, False)
    assert left(_stamped(("a", "Apply", 1), owned="f:b")) == (True, False)
    assert left(_stamped(("b", "Update", 1))) == (True, False)


def test_a_second_write_within_a_second_is_noticed() -> None:
    """By the fields of its entry: the stamp stays."""
    sightings = VersionTracker()
    sightings.note(_change("5", created=True, metadata=_stamped(("a", "Update", 1))))
    subject = _subject(sightings, _change("6", metadata=_stamped(("a", "Update", 1), owned="f:b")))

    assert [(stamp.fresh, stamp.touched) for stamp in subject.stamps] == [(False, True)]


def test_a_stamp_of_the_future_says_nothing() -> None:
    """A client may write managed fields; the API server's clock is not hours ahead of ours."""
    late = {"managedFields": [{"manager": "m", "time": "2026-03-01T10:00:00Z"}]}

    assert _subject(VersionTracker(), _change("6", metadata=late)).written_at == 0


@pytest.mark.parametrize("metadata", [{"uid": None}, {"uid": 7}, {"labels": [1], "ownerReferences": "x"}])
def test_odd_objects_do_no_harm(metadata: dict[str, Any]) -> None:
    """Metadata that make no sense are not remembered, and raise nothing."""
    sightings = VersionTracker()
    change = _change("5", created=True, metadata=metadata)

    subject = _subject(sightings, change)
    sightings.note(change)

    assert subject is None or subject.labels == {}
