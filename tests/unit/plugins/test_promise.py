"""What plugins may rely on: docs/plugins.md names it, and it stays while API_VERSION is the same."""

from __future__ import annotations

import inspect
from enum import Enum
from pathlib import Path

import msgspec
import pytest

import reverser
from reverser.model.attribution import Actor, Attribution, Evidence
from reverser.model.change import Operation, Origin
from reverser.model.commit import CommitPlan
from reverser.model.condition import Condition
from reverser.model.entry import Edit, Entry
from reverser.model.message import Message
from reverser.model.push import Pushed, PushedCommit
from reverser.plugins.register import SPECIFICATIONS

PAGE = (Path(__file__).parents[3] / "docs/plugins.md").read_text()
HOOKS = {
    "reverser_settings": "",
    "reverser_configure": "settings log",
    "reverser_exclude_type": "resource",
    "reverser_select": "key resource labels obj",
    "reverser_sanitize": "key resource content",
    "reverser_layout": "key resource destination",
    "reverser_identity": "actor",
    "reverser_message": "plan message",
    "reverser_companions": "changed files destination",
    "reverser_startup": "",
    "reverser_credentials": "destination",
    "reverser_pushed": "push",
    "reverser_condition": "condition",
    "reverser_shutdown": "",
}
FIELDS: dict[type[msgspec.Struct], str] = {
    Entry: "destination key api_version kind operation origin edit changed_at changes attribution "
    "previous_path reason seq appended_at",
    Edit: "path content",
    Attribution: "actor evidence manager impersonator user_agent candidates caused_by",
    Actor: "name groups extra",
    CommitPlan: "entries",
    Message: "subject body trailers",
    Pushed: "destination branch head commits",
    PushedCommit: "id author authored_at message written removed",
    Condition: "type subject status reason message",
}
VALUES: dict[type[Enum], str] = {
    Operation: "CREATE UPDATE DELETE",
    Origin: "LIVE SNAPSHOT SWEEP",
    Evidence: "AUDIT ADMISSION ADMISSION_KEY AUDIT_COLLECTION MANAGER AMBIGUOUS UNRESOLVED",
}


def test_nothing_goes_while_the_version_is_the_same() -> None:
    """Hooks, arguments, fields and values of version 1 are there; what comes may be more."""
    assert reverser.API_VERSION == 1
    for name, arguments in HOOKS.items():
        assert {*inspect.signature(SPECIFICATIONS[name]).parameters} >= {*arguments.split()}, name
    for struct, fields in FIELDS.items():
        assert {*struct.__struct_fields__} >= {*fields.split()}, struct
    for enum, values in VALUES.items():
        assert {*enum.__members__} >= {*values.split()}, enum


@pytest.mark.parametrize("struct", [Entry, Attribution], ids=lambda each: each.__name__)
def test_every_field_is_explained(struct: type[msgspec.Struct]) -> None:
    """Whoever writes a message finds all that there is to know."""
    assert [name for name in struct.__struct_fields__ if f"`{name}`" not in PAGE] == []


@pytest.mark.parametrize("enum", VALUES, ids=lambda each: each.__name__)
def test_every_value_is_explained(enum: type[Enum]) -> None:
    """The page for authors of plugins explains each value of each enumeration."""
    assert [name for name in enum.__members__ if f"`{name}`" not in PAGE and f".{name}`" not in PAGE] == []
