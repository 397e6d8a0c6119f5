"""An event in the form that a target understands. Pure; secrets are put in later.

| format | request |
|---|---|
| cloudevents | CloudEvents 1.0, HTTP binding, structured mode: attributes and data in one JSON body |
| cloudevents-binary | the same in binary mode: attributes in `ce-` headers, data in the body |
| slack | an incoming webhook's `text`, with `&`, `<`, `>` escaped |
| teams | a workflow's webhook: an Adaptive Card whose text nothing in it can mark up |
| matrix | `PUT …/send/m.room.message/{id}`: a homeserver stores one id once |
| json | the event's data, or the template `body` |
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from string import Template
from typing import Any
from urllib.parse import quote

import msgspec

from reverser_notify.event import Event
from reverser_notify.settings import Target

TYPES = "io.gitops-reverser."
"""What the `type` of each CloudEvent begins with; `pushed` or `condition` follows."""
JSON = "application/json; charset=utf-8"
_UNSAFE = re.compile(r"[^\x21\x23\x24\x26-\x7e]")
"""What headers hold percent-encoded: all but printable ASCII, and `"`, `%` and blanks."""


class TargetRequest(msgspec.Struct, frozen=True):
    """One request, but for the URL's beginning and what is secret."""

    method: str
    path: str
    """Behind the target's URL."""
    headers: dict[str, str]
    body: bytes
    id: str
    """Of the event, fit for a header."""


def request(event: Event, target: Target, source: str) -> TargetRequest:
    """What the target is sent."""
    post: TargetRequest = FORMATS[target.format](event, target, source)
    return msgspec.structs.replace(post, headers={**target.headers, **post.headers})


def text(event: Event, target: Target) -> str:
    """The target's own words."""
    return Template(target.pushed if event.kind == "pushed" else target.condition).substitute(event.fields)


def _structured(event: Event, _target: Target, source: str) -> TargetRequest:
    attributes = {"specversion": "1.0", **_attributes(event, source), "datacontenttype": "application/json"}
    return _post(event, {**attributes, "data": event.data}, "application/cloudevents+json; charset=utf-8")


def _binary(event: Event, _target: Target, source: str) -> TargetRequest:
    attributes = {"specversion": "1.0", **_attributes(event, source)}
    headers = {f"ce-{name}": _UNSAFE.sub(_percent, value) for name, value in attributes.items()}
    post = _post(event, event.data)
    return msgspec.structs.replace(post, headers={**post.headers, **headers})


def _attributes(event: Event, source: str) -> dict[str, str]:
    kind = f"{TYPES}{event.kind}"
    return {"id": event.id, "source": source, "type": kind, "subject": event.subject, "time": event.time}


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode(errors="replace"))


def _slack(event: Event, target: Target, _source: str) -> TargetRequest:
    escaped = text(event, target).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _post(event, {"text": escaped})


def _teams(event: Event, target: Target, _source: str) -> TargetRequest:
    run = {"type": "TextRun", "text": text(event, target)}
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [{"type": "RichTextBlock", "inlines": [run]}],
    }
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return _post(event, {"type": "message", "attachments": [attachment]})


def _matrix(event: Event, target: Target, _source: str) -> TargetRequest:
    post = _post(event, {"msgtype": "m.notice", "body": text(event, target)})
    transaction = hashlib.blake2b(event.id.encode(), digest_size=16).hexdigest()
    path = f"/_matrix/client/v3/rooms/{quote(target.room, safe='')}/send/m.room.message/{transaction}"
    return msgspec.structs.replace(post, method="PUT", path=path)


def _json(event: Event, target: Target, _source: str) -> TargetRequest:
    if not target.body:
        return _post(event, {"kind": event.kind, "id": event.id, "time": event.time, **event.data})
    fields = {**event.fields, "kind": event.kind, "text": text(event, target)}
    return _post(event, _filled(json.loads(target.body), fields))


def _filled(value: Any, fields: dict[str, str]) -> Any:
    """The document with its texts filled in: they cannot break its form, whatever they are."""
    if isinstance(value, dict):
        return {name: _filled(each, fields) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, fields) for each in value]
    return Template(value).substitute(fields) if isinstance(value, str) else value


def _post(event: Event, body: Any, content_type: str = JSON) -> TargetRequest:
    message_id = _UNSAFE.sub(_percent, event.id)
    return TargetRequest("POST", "", {"Content-Type": content_type}, msgspec.json.encode(body), message_id)


FORMATS: dict[str, Callable[[Event, Target, str], TargetRequest]] = {
    "cloudevents": _structured,
    "cloudevents-binary": _binary,
    "slack": _slack,
    "teams": _teams,
    "matrix": _matrix,
    "json": _json,
}
