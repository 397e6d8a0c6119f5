"""One change, one destination, what the journal knows of the object: what is to be done?

The answer is a `Decision`, made without I/O: an entry for Git with the record that goes with it,
an object to withhold, or nothing. Noise ends here: status writes, heartbeats, no-op applies, and
changes of insignificant fields alone never become an entry.

A file goes when the object went, or when the *object* changed so that no rule selects it any
more. When the configuration changed, the file stays: the object as it was recorded tells which.
"""

from __future__ import annotations

import hashlib
from typing import Any, Literal, TypeAlias

import msgspec

from reverser.errors import WithheldError
from reverser.model.attribution import UNRESOLVED, Attribution
from reverser.model.change import Change, Operation, Origin, Stream
from reverser.model.document import Document
from reverser.model.entry import Edit, Entry, Record
from reverser.model.resource import ResourceType
from reverser.model.sealed import Clear, Sealed
from reverser.model.suspicion import Suspicion
from reverser.model.withheld import Withheld
from reverser.stages.describe import describe
from reverser.stages.exclude import actors
from reverser.stages.managed import changed_at, manager
from reverser.stages.route import Route
from reverser.stages.sanitize import in_clear, sanitize, significant, suspicious
from reverser.stages.select.rules import CompiledRule
from reverser.stages.yaml import render

Result: TypeAlias = Literal["written", "removed", "unchanged", "unselected", "excluded", "withheld"]


class Decision(msgspec.Struct, frozen=True):
    """What one change means for one destination."""

    result: Result
    entry: Entry | None = None
    record: Record | None = None
    """Replaces what the journal knows of the object; None leaves it as it is."""
    forget: bool = False
    """The object has no file any more."""
    withheld: Withheld | None = None
    suspicions: tuple[Suspicion, ...] | None = None
    """What in the file looks like a secret; None: whatever was known of it still holds."""
    clear: Clear | None = None
    """What `encrypted` makes the file of; until then entry and record hold the values as digests."""


def decide(route: Route, change: Change, record: Record | None, *, scaled: bool = False) -> Decision:
    """What `change` means for `route`, given the object's record (None: it has no file)."""
    resource = change.stream.type
    if change.deleted:
        return _deleted(route, change, record)
    labels = _labels(change.object)
    rules = route.selecting(resource, change.key, labels)
    if not rules:
        return _deselected(route, change, record)
    try:
        reason = route.hooks.leave_out(change.key, resource, labels, route.shown(change.object, resource))
        if reason:
            return _left(rules, change, record, reason)
        return _written(route, rules, change, record, scaled=scaled)
    except WithheldError as error:
        name = route.destination.name
        withheld = Withheld(name, change.key, error.reason, error.message, change.seen_at)
        return Decision("withheld", withheld=withheld)


def swept(route: Route, stream: Stream, record: Record, now: float) -> Decision:
    """The object is absent from a complete list of `stream`: its file goes."""
    if not _wanted(_recorded_rules(route, stream.type, record), Operation.DELETE):
        return Decision("unselected")
    return _removal(record, stream.type, Origin.SWEEP, now, [])


def digest(content: bytes, key: bytes) -> bytes:
    """Keyed, since content may be worth guessing at."""
    return hashlib.blake2b(content, key=key, digest_size=16).digest()


def encrypted(decision: Decision, file: bytes, key: bytes) -> Decision:
    """The decision with the encrypted file in place of the values."""
    entry, record = decision.entry, decision.record
    if entry is None or record is None or record.sealed is None:
        return decision
    entry = msgspec.structs.replace(entry, edit=Edit(entry.edit.path, file))
    sealed = Sealed(record.sealed.fingerprint, file)
    record = msgspec.structs.replace(record, digest=digest(file, key), sealed=sealed)
    return msgspec.structs.replace(decision, entry=entry, record=record, clear=None)


def _written(
    route: Route, rules: list[CompiledRule], change: Change, record: Record | None, *, scaled: bool
) -> Decision:
    key, resource = change.key, change.stream.type
    document = sanitize(change.object, key, resource, route.policy, scaled=scaled)
    document = msgspec.structs.replace(
        document, content=route.hooks.sanitize(key, resource, document.content)
    )
    path = route.layout(key, resource)
    content, sealing = render(document.content), route.sealing(resource)
    fingerprint = digest(content + sealing, route.digest_key)
    if record is not None and record.path == path and _same(record, fingerprint, document, route, sealing):
        return Decision("unchanged")
    operation = Operation.CREATE if record is None else Operation.UPDATE
    rules = _wanted(rules, operation, _told(change))
    if not rules:
        return Decision("unselected")
    entry = Entry(
        destination=route.destination.name,
        key=key,
        api_version=document.api_version,
        kind=document.kind,
        operation=operation,
        origin=change.origin,
        edit=Edit(path, content),
        changed_at=changed_at(change.object) or change.seen_at,
        changes=_changes(document, record, change.origin),
        attribution=Attribution(manager=manager(change.object)),
        previous_path="" if record is None or record.path == path else record.path,
        actors=actors(rules),
    )
    stored = msgspec.json.encode(document.content)
    written = Record(entry.destination, key, path, digest(content, route.digest_key), stored)
    found = suspicious(document.content) if route.policy.suspicious == "flag" else ()
    if not sealing:
        return Decision("written", entry, written, suspicions=found)
    written = msgspec.structs.replace(written, sealed=Sealed(fingerprint, b""))
    if record is not None and record.sealed is not None and record.sealed.fingerprint == fingerprint:
        return _moved(Decision("written", entry, written, suspicions=found), record.sealed, route)
    clear = in_clear(change.object, resource, route.policy, document)
    return Decision("written", entry, written, suspicions=found, clear=clear)


def _moved(decision: Decision, sealed: Sealed, route: Route) -> Decision:
    """Only the path is another: encrypting the document again would change every byte of it."""
    return encrypted(decision, sealed.content, route.digest_key) if sealed.content else decision


def _deselected(route: Route, change: Change, record: Record | None) -> Decision:
    if record is None or not (rules := _recorded_rules(route, change.stream.type, record)):
        return Decision("unselected")
    return _left(rules, change, record, "no rule selects it any more")


def _left(rules: list[CompiledRule], change: Change, record: Record | None, reason: str) -> Decision:
    if record is None:
        return Decision("excluded")
    at = changed_at(change.object) or change.seen_at
    author = Attribution(manager=manager(change.object))
    return _removal(record, change.stream.type, _origin(change), at, rules, reason=reason, attribution=author)


def _deleted(route: Route, change: Change, record: Record | None) -> Decision:
    if record is None:
        # It may be withheld, and nothing is left to be shown of it.
        return Decision("unchanged", forget=True)
    # The record lacks the labels that the sanitizer strips, and a selector may ask for one of them.
    rules = route.selecting(change.stream.type, change.key, _labels(change.object))
    rules = _wanted(rules or _recorded_rules(route, change.stream.type, record), Operation.DELETE)
    if not rules:
        return Decision("unselected")
    return _removal(record, change.stream.type, _origin(change), change.seen_at, rules)


def _removal(
    record: Record,
    resource: ResourceType,
    origin: Origin,
    at: float,
    rules: list[CompiledRule],
    *,
    reason: str = "",
    attribution: Attribution = UNRESOLVED,
) -> Decision:
    entry = Entry(
        destination=record.destination,
        key=record.key,
        api_version=resource.api_version,
        kind=resource.kind,
        operation=Operation.UPDATE if reason else Operation.DELETE,
        origin=origin,
        edit=Edit(record.path, None),
        changed_at=at,
        attribution=attribution,
        reason=reason,
        actors=actors(rules),
    )
    return Decision("removed", entry, forget=True)


def _origin(change: Change) -> Origin:
    return Origin.LIVE if change.origin is Origin.LIVE else Origin.SWEEP


def _recorded_rules(route: Route, resource: ResourceType, record: Record) -> list[CompiledRule]:
    """Today's rules for the object as it was written: none means that the configuration changed."""
    return route.selecting(resource, record.key, _labels(msgspec.json.decode(record.content)))


def _told(change: Change) -> Operation:
    """What it was to the API server: the update of an object that has no file yet is an update."""
    updated = change.origin is Origin.LIVE and not change.created
    return Operation.UPDATE if updated else Operation.CREATE


def _wanted(rules: list[CompiledRule], *operations: Operation) -> list[CompiledRule]:
    """The rules that write what is any of these."""
    return [rule for rule in rules if any(rule.wants(operation) for operation in operations)]


def _same(record: Record, fingerprint: bytes, document: Document, route: Route, sealing: bytes) -> bool:
    """Whether nothing that matters differs from what was recorded."""
    known = record.digest if record.sealed is None else record.sealed.fingerprint
    if known == fingerprint:
        return True
    if not document.insignificant or (record.sealed is None) is bool(sealing):
        return False
    if sealing:
        stored = render(msgspec.json.decode(record.content))
        if digest(stored + sealing, route.digest_key) != known:
            return False  # other recipients
    old = Document(document.key, msgspec.json.decode(record.content), document.insignificant)
    return significant(document) == significant(old)


def _changes(document: Document, record: Record | None, origin: Origin) -> tuple[str, ...]:
    if record is None or origin is not Origin.LIVE:
        return ()
    secret = (document.key.group, document.kind) == ("", "Secret")
    return describe(msgspec.json.decode(record.content), document.content, secret=secret)


def _labels(obj: dict[str, Any]) -> dict[str, str]:
    metadata = obj.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    return labels if isinstance(labels, dict) else {}
