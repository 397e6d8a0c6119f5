"""The table `[plugins.notify]`, and what its types alone cannot say of it."""

from __future__ import annotations

import json
from string import Template
from typing import Literal

import msgspec

from reverser.model.secret import SecretRef
from reverser_notify.event import FIELDS

TEXT = {
    "pushed": "$commits new in $destination ($branch) by $authors: $subject",
    "condition": "$type of $about is $status ($reason): $message",
}


class Target(msgspec.Struct, frozen=True):
    """One place to tell."""

    name: str
    """Names the target in the log."""
    url: SecretRef
    """http:// or https://; of Matrix the homeserver's. A webhook's URL is a secret by itself."""
    format: Literal["cloudevents", "cloudevents-binary", "slack", "teams", "matrix", "json"] = "cloudevents"
    events: tuple[Literal["pushed", "condition"], ...] = ("pushed", "condition")
    destinations: tuple[str, ...] = ("*",)
    """Globs over the destinations whose pushes are told."""
    pushed: str = TEXT["pushed"]
    """The text on a push, for Slack, Teams, Matrix and `$text`."""
    condition: str = TEXT["condition"]
    """The text on a condition."""
    body: str = ""
    """Of format json: a JSON document in whose texts `$name` is replaced; empty: the event's data."""
    room: str = ""
    """Of Matrix: the room's id, `!…:server`."""
    token: SecretRef | None = None
    """Sent as a bearer token."""
    signing_key: SecretRef | None = None
    """Signs each request, as Standard Webhooks has it."""
    headers: dict[str, str] = {}
    """Sent as well."""
    per_minute: int = 60
    """So many requests a minute at most; further ones wait."""
    timeout_seconds: float = 10.0
    """Of one request."""
    retry_seconds: float = 3600.0
    """How long a message is tried; then it is given up."""


class Settings(msgspec.Struct, frozen=True):
    """The table itself."""

    source: str = "reverser"
    """The `source` of CloudEvents, a URI reference that names this daemon."""
    targets: tuple[Target, ...] = ()


def checked(settings: Settings) -> Settings:
    """The settings themselves. Raises ValueError."""
    names = [target.name for target in settings.targets]
    for target in settings.targets:
        try:
            _check(target)
        except ValueError as error:
            raise ValueError(f"target {target.name!r}: {error}") from None
    if len({*names}) < len(names):
        raise ValueError("two targets have one name")
    if not settings.source:
        raise ValueError("source must not be empty")
    return settings


def _check(target: Target) -> None:
    for kind, template in (("pushed", target.pushed), ("condition", target.condition)):
        _check_template(template, kind, FIELDS[kind])
    if target.body:
        known = set.intersection(*({*FIELDS[kind]} for kind in target.events)) | {"text", "kind"}
        _check_template(target.body, "body", known)
        json.loads(target.body)
    if target.body and target.format != "json":
        raise ValueError('body is only for format = "json"')
    if (target.format == "matrix") != bool(target.room):
        raise ValueError('format = "matrix" needs a room, and no other has one')
    if min(target.per_minute, target.timeout_seconds, target.retry_seconds) <= 0:
        raise ValueError("per_minute, timeout_seconds and retry_seconds must be above 0")
    if not target.events:
        raise ValueError("events must name something to tell")


def _check_template(text: str, name: str, known: set[str] | frozenset[str]) -> None:
    template = Template(text)
    if not template.is_valid():
        raise ValueError(f"{name}: a $ stands for itself when it is written twice")
    for unknown in {*template.get_identifiers()} - known:
        raise ValueError(f"{name}: ${unknown} is not one of {', '.join(sorted(known))}")
