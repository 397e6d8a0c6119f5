"""One change, one destination, what the journal knows of the object: what is to be done?

The answer is a `Decision`, made without I/O. Noise ends here: status writes, heartbeats, no-op applies, and
changes of insignificant fields alone never become an entry.

A file goes when the object went, or when the *object* changed so that no rule selects it any
more. When the configuration changed, the file stays: the object as it was recorded tells which.
"""

from __future__ import annotations

import msgspec

from reverser.errors import WithheldError
from reverser.intake.removal import deleted, excluded, labels_of, lacking, no_rule_matches, wanted
from reverser.intake.route import Route
from reverser.manifest.diff import same
from reverser.manifest.emitter import render
from reverser.manifest.field_changes import FieldChanges, field_changes, latest, unseen
from reverser.model.attribution import Attribution
from reverser.model.change import Change, Operation, Origin
from reverser.model.decision import Decision, digest, encrypted, withhold
from reverser.model.entry import Edit, Entry, Record
from reverser.model.sealed import Sealed
from reverser.sanitize.document import Document, in_clear, sanitize, significant
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
