"""Lines and items become changes."""

from __future__ import annotations

import msgspec
import pytest

from reverser.kube.errors import ApiError, Expired, Garbled
from reverser.kube.watch_events import change_of, event_of, item_of
from reverser.model.change import Origin, Stream
from reverser.model.resource import ObjectKey, ResourceType

STREAM = Stream("default", ResourceType("apps", "v1", "deployments", "Deployment", namespaced=True))


def _event(kind: str, **metadata: object) -> bytes:
    return msgspec.json.encode({"type": kind, "object": {"metadata": metadata}})


def test_a_live_event_carries_its_position() -> None:
    """A change of a watch names the object, and the resourceVersion to go on from."""
    event = event_of(_event("MODIFIED", name="web", namespace="shop", resourceVersion="12"))

    change = change_of(STREAM, event, Origin.LIVE, 5.0)

    assert change.key == ObjectKey("default", "apps", "deployments", "shop", "web")
    assert (change.resource_version, change.deleted, change.seen_at) == ("12", False, 5.0)


def test_an_object_of_a_list_carries_none() -> None:
    """What half a list has brought must never become a position."""
    event = event_of(_event("ADDED", name="web", resourceVersion="12"))

    assert change_of(STREAM, event, Origin.SNAPSHOT, 5.0).resource_version == ""


@pytest.mark.parametrize(
    ("kind", "metadata", "deleted"),
    [
        ("ADDED", {}, False),
        ("ADDED", {"deletionTimestamp": None}, False),
        ("ADDED", {"deletionTimestamp": "2024-05-06T07:08:09Z"}, True),
        ("DELETED", {}, True),
    ],
)
def test_deleted_means_gone_or_asked_to_go(kind: str, metadata: dict[str, object], deleted: bool) -> None:
    """DELETED and a deletionTimestamp both count."""
    event = event_of(_event(kind, name="web", **metadata))

    assert change_of(STREAM, event, Origin.LIVE, 5.0).deleted is deleted


def test_items_of_a_list_get_their_type_s_name() -> None:
    """Lists leave apiVersion and kind out; an item that has them keeps its own."""
    bare = item_of(STREAM, msgspec.Raw(b'{"metadata": {"name": "web"}}'))
    full = item_of(STREAM, msgspec.Raw(b'{"kind": "Other", "metadata": {"name": "web"}}'))

    assert bare.object == {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}}
    assert full.object["kind"] == "Other"


def test_an_error_event_is_raised_as_what_it_says() -> None:
    """Code and reason decide; a Status without either is still an error."""
    for status, kind in [
        ({"code": 410}, Expired),
        ({"reason": "Expired"}, Expired),
        ({"code": 500}, ApiError),
        ({}, ApiError),
    ]:
        with pytest.raises(kind):
            event_of(msgspec.json.encode({"type": "ERROR", "object": status}))


def test_what_cannot_be_read_is_garbled() -> None:
    """No input makes decoding fail with anything but an error of ours."""
    for line in (
        b"",
        b"\xff",
        b"null",
        b'{"type": 1, "object": {}}',
        b'{"type":"ADDED","object":' + b"[" * 5000,
    ):
        with pytest.raises(Garbled):
            event_of(line)
    with pytest.raises(Garbled):
        item_of(STREAM, msgspec.Raw(b"[]"))
