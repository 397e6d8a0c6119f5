"""Reconstructs the object after a write: from its whole body, or from a patch on the state before.

A patch is applied to the sanitized content in the object's record. Where that content lacks something that
matters (the values of a Secret, the labels that a rule selects by) the answer is `UnknownState`; nothing is
invented.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from reverser.intake.route import Route
from reverser.manifest.field_changes import known_content
from reverser.manifest.merge_patch import merge_patch
from reverser.model.change import Change, Operation, Origin, Stream
from reverser.model.entry import Record
from reverser.model.resource import ResourceType
from reverser.replay.resource_types import LoggedTypes
from reverser.replay.write import MICROSECONDS, Form, Write
from reverser.sanitize.sensitive_values import CLARIFY, sensitive

NOT_KNOWN = "a patch of an object that the log does not show before"
NOT_KEPT = "a patch of an object that is not kept whole"
DOUBTFUL = "a type that may be hidden under a short name: name types in full where they are left out"


def perhaps(pattern: str) -> str:
    """Why writes of a type are not replayed that a pattern of `[[sensitive]]` could mean."""
    return (
        f"a type that [[sensitive]] may mean by {pattern!r}, which nothing in the log is called ({CLARIFY})"
    )


class UnknownState(msgspec.Struct, frozen=True):
    """The state after the write is not known."""

    reason: str
    """A sentence of which there are few: it may name a pattern of the configuration."""


def changed(
    write: Write, record: Record | None, route: Route, types: LoggedTypes, cluster: str
) -> Change | UnknownState:
    """The write as a change, or why it cannot be known."""
    hidden = (pattern for rule in route.policy.sensitive for pattern in rule.resources)
    if pattern := types.perhaps(write.type, hidden):
        return UnknownState(perhaps(pattern))
    if types.doubtful(write.type, _hiding_patterns(route)):
        return UnknownState(DOUBTFUL)
    type_, body = write.type, write.body
    if write.form in (Form.PATCH, Form.REPLICAS):
        if record is None:
            return UnknownState(NOT_KNOWN)
        content = known_content(record)
        if content is None:
            return UnknownState(NOT_KEPT)
        type_ = _recorded_type(types, write, content)
        if _hides_content(route, write, content):
            return UnknownState(NOT_KEPT)
        body = merge_patch(content, write.body)
    elif write.form is Form.REMOVED and record is not None:
        type_ = _recorded_type(types, write, msgspec.json.decode(record.content))
    return _as_change(write, type_, body, cluster)


def _as_change(write: Write, type_: ResourceType, body: dict[str, Any], cluster: str) -> Change:
    stream = Stream(cluster, type_)
    metadata = body.get("metadata")
    ending = isinstance(metadata, dict) and bool(metadata.get("deletionTimestamp"))
    return Change(
        stream=stream,
        key=stream.key(write.namespace, write.name),
        origin=Origin.LIVE,
        deleted=write.form is Form.REMOVED or ending,
        object=body,
        resource_version="",
        seen_at=write.at / MICROSECONDS,
        created=write.operation is Operation.CREATE,
        removed=write.form is Form.REMOVED,
    )


def _recorded_type(types: LoggedTypes, write: Write, content: dict[str, Any]) -> ResourceType:
    """The type in the version in which the object was written."""
    type_ = write.type
    version, kind = str(content.get("apiVersion", "")), str(content.get("kind", ""))
    return types.type(type_.group, type_.resource, version, kind, namespaced=type_.namespaced)


def _hiding_patterns(route: Route) -> Iterator[str]:
    """The names of types of which something, or all, is left out, beside those that are sensitive."""
    yield from (pattern for rule in route.policy.rules for pattern in rule.resources)
    yield from (pattern for rule in route.rules for pattern in rule.rule.exclude_resources)


def _hides_content(route: Route, write: Write, content: dict[str, Any]) -> bool:
    secret = (write.type.group, write.type.resource) == ("", "secrets")
    if secret or sensitive(route.policy.sensitive, write.type):
        return True
    labels = content.get("metadata", {}).get("labels") or {}
    stream = Stream(route.rules[0].rule.cluster, write.type)
    return not route.selecting(write.type, stream.key(write.namespace, write.name), labels)
