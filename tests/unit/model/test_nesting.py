"""Objects nested deeper than any reader can follow are still told of."""

from __future__ import annotations

import json

import msgspec
import pytest

from reverser.errors import WithheldError
from reverser.kube.watch_events import event_of, item_of
from reverser.manifest.emitter import render
from reverser.model.change import Stream
from reverser.model.nesting import MOST_LEVELS, decoded, shallow
from reverser.model.resource import ObjectKey, ResourceType
from reverser.sanitize.document import Policy, sanitize

WIDGETS = ResourceType("example.com", "v1", "widgets", "Widget", True)
STREAM = Stream("default", WIDGETS)


def deep(levels: int, opening: str = '{"a":', closing: str = "}") -> str:
    return f"{opening * levels}1{closing * levels}"


def widget(spec: str) -> str:
    return f'{{"metadata":{{"name":"a","resourceVersion":"5"}},"spec":{spec},"z":[{{"q":"]}}\\""}}]}}'


@pytest.mark.parametrize(("opening", "closing"), [('{"a":', "}"), ("[", "]"), ('[{"]}\\"":', "}]")])
def test_an_object_too_deep_to_read_is_told_of_and_withheld(opening: str, closing: str) -> None:
    """Identity and position of an event are there whatever its depth; the object itself is never written."""
    obj = widget(deep(5000, opening, closing))

    event = event_of(f'{{"type":"ADDED","object":{obj}}}'.encode())
    item = item_of(STREAM, msgspec.Raw(obj.encode()))

    assert event.resource_version == item.resource_version == "5"
    assert event.object["z"] == item.object["z"] == [{"q": ']}"'}]
    policy = Policy(style="full", secrets="omit", mask_key=b"x" * 32, rules=())
    key = ObjectKey("default", "example.com", "widgets", "", "a")
    with pytest.raises(WithheldError):
        render(sanitize(item.object, key, WIDGETS, policy).content)


def test_what_can_be_read_is_left_as_it_is() -> None:
    """Nothing is cut from a document that its reader follows to the end."""
    text = widget(deep(900)).encode()

    assert decoded(text, msgspec.json.decode) == msgspec.json.decode(text)


def test_cutting_changes_nothing_above() -> None:
    """Whatever stands above the deepest level that is kept stays, byte for byte."""
    kept = widget(deep(MOST_LEVELS - 1)).encode()

    assert shallow(kept) == kept
    assert json.loads(shallow(widget(deep(MOST_LEVELS, "[", "]")).encode()))["spec"] is not None
    assert shallow(b'["' + b'\\"' * 100_000) == b'["' + b'\\"' * 100_000
