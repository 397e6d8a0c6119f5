"""One change, one destination, what the journal knows of the object: what is to be done?

The answer is a `Decision`, made without I/O. Noise ends here: status writes, heartbeats, no-op applies, and
changes of insignificant fields alone never become an entry.

A file goes when the object went, or when the *object* changed so that no rule selects it any more, or it is
left out. A change of the configuration removes no file: today's rules are asked about the object as it was
recorded, and where none selects that either, the file stays. The record lacks the labels that the sanitizer
strips; instead it names the selectors that these labels fulfilled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from reverser.errors import WithheldError
from reverser.intake.route import Route
from reverser.manifest.diff import same
from reverser.manifest.emitter import render
from reverser.manifest.field_changes import FieldChanges, field_changes, latest, unseen
from reverser.model.attribution import UNRESOLVED, Attribution
from reverser.model.change import Change, Operation, Origin, Stream
from reverser.model.entry import UNSEEN, Decision, Edit, Entry, Record, Sealed, digest, encrypted, withhold
from reverser.model.resource import DEFINITIONS, ResourceType
from reverser.sanitize.document import Document, in_clear, sanitize, significant
from reverser.sanitize.managed_fields import changed_at, manager
from reverser.sanitize.managed_fields import written as written_by
from reverser.sanitize.suspicious_values import suspicious
from reverser.select.rules import CompiledRule, actors


def decide(route: Route, change: Change, record: Record | None, *, scaled: bool = False) -> Decision:
    """What `change` means for `route`, given the object's record (None: it has no file)."""
    resource = change.stream.type
    if change.deleted:
        return deleted(route, change, record)
    labels = labels_of(change.object)
    rules = route.selecting(resource, change.key, labels)
    if not rules:
        return no_rule_matches(route, change, record)
    try:
        reason = route.hooks.leave_out(change.key, resource, labels, route.shown(change.object, resource))
        if reason:
            return excluded(rules, change, record, reason)
        return _written(route, rules, change, record, scaled=scaled)
    except WithheldError as error:
        return withhold(route.destination.name, change.key, error, change.seen_at)


def _written(
    route: Route, rules: list[CompiledRule], change: Change, record: Record | None, *, scaled: bool
) -> Decision:
    key, resource = change.key, change.stream.type
    document = sanitize(change.object, key, resource, route.policy, scaled=scaled)
    document = msgspec.structs.replace(
        document,
        content=route.hooks.sanitize(key, resource, document.content, route.destination, change.object),
    )
    path = route.layout(key, resource)
    content, sealing = render(document.content), route.sealing(resource)
    fingerprint = digest(content + sealing, route.digest_key)
    selectors = lacking(rules, labels_of(document.content))
    if record is not None and record.path == path and _same(record, fingerprint, document, route, sealing):
        return Decision("unchanged", record=_seen(record, document, fingerprint, selectors))
    rules = wanted(rules, _operation(record), _operation_in_cluster(change))
    if not rules:
        return Decision("unselected", record=unseen(record))
    entry = _entry(route, rules, change, record, document, Edit(path, content))
    stored = msgspec.json.encode(document.content)
    plain = digest(content, route.digest_key) if sealing else fingerprint
    fields = (entry.destination, key, path, plain, stored)
    written = Record(*fields, selectors=selectors)
    suspicions = suspicious(document.content) if route.policy.suspicious == "flag" else ()
    if not sealing:
        return Decision("written", entry, written, suspicions=suspicions)
    written = msgspec.structs.replace(written, sealed=Sealed(fingerprint, b""))
    entry = msgspec.structs.replace(entry, sealed=fingerprint.hex())
    if record is not None and record.sealed is not None and record.sealed.fingerprint == fingerprint:
        return _moved(Decision("written", entry, written, suspicions=suspicions), record.sealed, route)
    clear = in_clear(change.object, resource, route.policy, document)
    return Decision("written", entry, written, suspicions=suspicions, clear=clear)


def _entry(
    route: Route,
    rules: list[CompiledRule],
    change: Change,
    record: Record | None,
    document: Document,
    edit: Edit,
) -> Entry:
    manager, changed_at = written_by(change.object)
    done = _field_changes(change, record, document)
    return Entry(
        destination=route.destination.name,
        key=change.key,
        api_version=document.api_version,
        kind=document.kind,
        operation=_operation(record),
        origin=change.origin,
        edit=edit,
        changed_at=changed_at or change.seen_at,
        changes=done.changes,
        fields=done.fields,
        along=done.along,
        attribution=Attribution(manager=manager),
        previous_path=_previous(record, edit.path),
        actors=actors(rules),
        version=change.version,
    )


def _moved(decision: Decision, sealed: Sealed, route: Route) -> Decision:
    """Only the path is another: encrypting the document again would change every byte of it."""
    return encrypted(decision, sealed.content, route.digest_key) if sealed.content else decision


def _previous(record: Record | None, path: str) -> str:
    return "" if record is None or record.mark == "absent" or record.path == path else record.path


def _operation(record: Record | None) -> Operation:
    return Operation.CREATE if record is None or record.mark == "absent" else Operation.UPDATE


def _operation_in_cluster(change: Change) -> Operation:
    """What it was to the API server: the update of an object that has no file yet is an update."""
    updated = change.origin is Origin.LIVE and not change.created
    return Operation.UPDATE if updated else Operation.CREATE


def _same(record: Record, fingerprint: bytes, document: Document, route: Route, sealing: bytes) -> bool:
    """Whether nothing that matters differs from what was recorded."""
    if record.mark:
        return False
    known = _fingerprint(record)
    if known == fingerprint:
        return True
    if not document.insignificant or (record.sealed is None) is bool(sealing):
        return False
    if sealing:
        stored = render(msgspec.json.decode(record.content))
        if digest(stored + sealing, route.digest_key) != known:
            return False  # other recipients
    old = Document(document.key, msgspec.json.decode(record.content), document.insignificant)
    return same(significant(document), significant(old))


def _fingerprint(record: Record) -> bytes:
    return record.digest if record.sealed is None else record.sealed.fingerprint


def _seen(
    record: Record, document: Document, fingerprint: bytes, selectors: tuple[str, ...]
) -> Record | None:
    """The record of an object that differs at most in what is no reason for a commit; None: as it is."""
    if record.sealed is not None and record.latest == UNSEEN:
        # Read from the branch, where its values are encrypted.
        content = msgspec.json.encode(document.content)
        return msgspec.structs.replace(record, content=content, selectors=selectors, latest=b"")
    seen = latest(document.content, same=_fingerprint(record) == fingerprint)
    if (record.selectors, record.latest) == (selectors, seen):
        return None
    return msgspec.structs.replace(record, selectors=selectors, latest=seen)


def _field_changes(change: Change, record: Record | None, document: Document) -> FieldChanges:
    """Of what a list found nobody is the author."""
    if change.origin is not Origin.LIVE:
        return FieldChanges()
    secret = (document.key.group, document.kind) == ("", "Secret")
    return field_changes(record, document.content, created=change.created, secret=secret)


class _Version(msgspec.Struct):
    name: str
    served: bool = True


class _Names(msgspec.Struct):
    plural: str
    kind: str
    singular: str = ""
    shortNames: tuple[str, ...] = ()  # noqa: N815 - as the API spells it
    categories: tuple[str, ...] = ()


class _Definition(msgspec.Struct):
    group: str
    names: _Names
    scope: str
    versions: tuple[_Version, ...]


def missing_from_list(
    route: Route, stream: Stream, record: Record, now: float, version: str = ""
) -> Decision:
    """The object is absent from a complete list of `stream`, read at `version`: its file goes."""
    if not wanted(_recorded_rules(route, stream.type, record), Operation.DELETE):
        return Decision("unselected")
    return _removal(record, stream.type, Origin.SWEEP, now, [], version=version)


def no_rule_matches(route: Route, change: Change, record: Record | None) -> Decision:
    """No rule selects the object: its file goes when one did as it was recorded."""
    if record is None or not (rules := _recorded_rules(route, change.stream.type, record)):
        return Decision("unselected", record=unseen(record))
    return excluded(rules, change, record, "no rule selects it any more")


def excluded(rules: list[CompiledRule], change: Change, record: Record | None, reason: str) -> Decision:
    """The object is selected, and still it is not to be written: `reason` says why."""
    if record is None:
        return Decision("excluded")
    at = changed_at(change.object) or change.seen_at
    author = Attribution(manager=manager(change.object))
    of_change = (record, change.stream.type, _origin(change), at, rules)
    return _removal(*of_change, reason=reason, attribution=author, version=change.version)


def deleted(route: Route, change: Change, record: Record | None) -> Decision:
    """The API server told of a deletion."""
    if record is None:
        # It may be withheld, and nothing is left to be shown of it.
        return Decision("unchanged", forget=True)
    # The record lacks the labels that the sanitizer strips, and a selector may ask for one of them.
    rules = route.selecting(change.stream.type, change.key, labels_of(change.object))
    rules = wanted(rules or _recorded_rules(route, change.stream.type, record), Operation.DELETE)
    if not rules:
        return Decision("unselected")
    of_change = (record, change.stream.type, _origin(change), change.seen_at, rules)
    return _removal(*of_change, version=change.version)


def defined(record: Record) -> ResourceType | None:
    """The type that a CRD defines, as it was recorded; None when this is no CRD."""
    if (record.key.group, record.key.resource) != DEFINITIONS:
        return None
    try:
        spec = msgspec.convert(msgspec.json.decode(record.content)["spec"], type=_Definition)
    except (KeyError, msgspec.ValidationError):
        return None
    version = next((each.name for each in spec.versions if each.served), "")
    names, namespaced = spec.names, spec.scope == "Namespaced"
    more = (("list", "watch"), names.shortNames, names.singular, names.categories)
    return ResourceType(spec.group, version, names.plural, names.kind, namespaced, *more)


def _removal(
    record: Record,
    resource: ResourceType,
    origin: Origin,
    at: float,
    rules: list[CompiledRule],
    *,
    reason: str = "",
    attribution: Attribution = UNRESOLVED,
    version: str = "",
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
        version=version,
    )
    return Decision("removed", entry, forget=True)


def _origin(change: Change) -> Origin:
    return Origin.LIVE if change.origin is Origin.LIVE else Origin.SWEEP


def _recorded_rules(route: Route, resource: ResourceType, record: Record) -> list[CompiledRule]:
    """Today's rules for the object as it was written: none means that the configuration changed."""
    labels = labels_of(msgspec.json.decode(record.content))
    return route.selecting(resource, record.key, labels, record.selectors)


def lacking(rules: list[CompiledRule], labels: Mapping[str, str]) -> tuple[str, ...]:
    """Selectors of the rules that select an object, and would not by these labels of its document alone."""
    missed = {rule.rule.selector for rule in rules if not rule.matches(labels)}
    return tuple(sorted(missed)) if missed else ()


def wanted(rules: list[CompiledRule], *operations: Operation) -> list[CompiledRule]:
    """The rules that write what is any of these."""
    return [rule for rule in rules if any(rule.wants(operation) for operation in operations)]


def labels_of(obj: dict[str, Any]) -> dict[str, str]:
    """Whatever stands there instead is no label."""
    metadata = obj.get("metadata")
    labels = metadata.get("labels") if isinstance(metadata, dict) else None
    return labels if isinstance(labels, dict) else {}
