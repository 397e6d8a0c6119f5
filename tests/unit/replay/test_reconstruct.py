"""What a write left behind: whole, a patch on what is known, or not to be told."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from reverser.attribution.audit_event import decode_event
from reverser.intake.route import Route, compile_routes
from reverser.model.destination import Destination
from reverser.model.entry import UNSEEN, Record
from reverser.model.resource import ObjectKey
from reverser.model.rule import Rule, SanitizeRule, SensitiveRule
from reverser.replay.event_writes import writes
from reverser.replay.reconstruct import UnknownState, changed
from reverser.replay.resource_types import LoggedTypes
from reverser.replay.write import Form, Write
from tests.audit_events import event, stored
from tests.hooks import HOOKS
from tests.replayed import DATABASES

KEY = bytes(32)
CONTENT = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "a", "namespace": "shop", "labels": {"tier": "front"}},
    "data": {"x": "1", "y": "2"},
}


def route(hide: tuple[SensitiveRule, ...] = (), strip: tuple[SanitizeRule, ...] = (), **rule: Any) -> Route:
    rules = [Rule(name="all", destination="live", **rule)]
    [found] = compile_routes(rules, [Destination("live", "file:///x")], strip, KEY, HOOKS, hide)["default"]
    return found


def write(
    types: LoggedTypes | None = None, form: Form | None = None, body: Any = None, **fields: Any
) -> Write:
    found = writes(decode_event(json.dumps(event(**fields)).encode()), types or LoggedTypes(), lambda _: True)
    assert isinstance(found, tuple)
    return msgspec.structs.replace(
        found[0], form=form or found[0].form, body=found[0].body if body is None else body
    )


def record(content: dict[str, Any]) -> Record:
    key = ObjectKey("default", "", "configmaps", "shop", "a")
    return Record("live", key, "a.yaml", b"", msgspec.json.encode(content))


def body(told: Write, known: Record | None, where: Route | None = None) -> dict[str, Any] | str:
    found = changed(told, known, where or route(), LoggedTypes(), "default")
    return found.reason if isinstance(found, UnknownState) else found.object


def test_a_whole_object_needs_nothing() -> None:
    """Neither what is known, nor what is not."""
    assert body(write(), None) == body(write(), record(CONTENT)) == stored()


def test_a_patch_changes_what_is_known() -> None:
    """And leaves the rest; without it the state is not known."""
    patch = write(form=Form.PATCH, body={"data": {"x": None, "z": "3"}})

    assert body(patch, record(CONTENT)) == {**CONTENT, "data": {"y": "2", "z": "3"}}
    assert isinstance(body(patch, None), str)


def test_a_patch_is_put_on_what_was_seen_last() -> None:
    """What made no commit stays; where a version was not seen the state is not known."""
    patch = write(form=Form.PATCH, body={"data": {"z": "3"}})
    latest = {**CONTENT, "data": {"x": "other"}}
    known = msgspec.structs.replace(record(CONTENT), latest=msgspec.json.encode(latest))

    assert body(patch, known) == {**CONTENT, "data": {"x": "other", "z": "3"}}
    assert isinstance(body(patch, msgspec.structs.replace(known, latest=UNSEEN)), str)


@pytest.mark.parametrize(
    "where",
    [route(hide=(SensitiveRule(resources=("configmaps",), keys=("y",)),)), route(selector="tier=back")],
    ids=["sensitive", "selector"],
)
def test_what_is_not_kept_whole_is_not_patched(where: Route) -> None:
    """A masked value would be masked once more, and a label that is stripped would seem to be gone."""
    assert isinstance(body(write(form=Form.PATCH, body={"data": {"x": "2"}}), record(CONTENT), where), str)


@pytest.mark.parametrize(
    "where",
    [
        route(hide=(SensitiveRule(resources=("db",)),)),
        route(strip=(SanitizeRule(resources=("db.example.com",), strip=("spec.password",)),)),
        route(exclude_resources=("db",)),
    ],
    ids=["sensitive", "sanitize", "exclude_resources"],
)
def test_what_may_be_hidden_under_a_short_name_is_not_shown(where: Route) -> None:
    """A log does not tell which type is called db; built-in types are not."""
    custom = {"apiVersion": "example.com/v1", "kind": "Database", "metadata": stored()["metadata"]}
    database = write(objectRef=DATABASES, responseObject=custom)

    assert isinstance(body(database, None, where), str)
    assert body(database, None) == custom
    assert body(write(), None, where) == stored()


def test_a_deletion_is_of_the_type_that_was_written() -> None:
    """Though its event does not tell the kind."""
    gone = write(verb="delete", requestObject=None, responseObject={"kind": "Status"})
    found = changed(gone, record(CONTENT), route(), LoggedTypes(), "default")

    assert not isinstance(found, UnknownState)
    assert (found.deleted, found.removed, found.stream.type.kind) == (True, True, "ConfigMap")


def test_what_is_on_its_way_out_is_deleted() -> None:
    """With the request that sets the time of deletion."""
    found = changed(
        write(responseObject=stored(deletionTimestamp="2026-01-01T00:00:00Z")),
        None,
        route(),
        LoggedTypes(),
        "default",
    )

    assert not isinstance(found, UnknownState)
    assert (found.deleted, found.removed) == (True, False)
