"""Decides that a file is removed: its object was deleted, no rule selects it any more, or it is left out.

A change of the configuration removes no file. Today's rules are asked about the object as it was recorded,
and where none selects that either, the file stays. The record lacks the labels that the sanitizer strips;
instead it names the selectors that these labels fulfilled.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from reverser.intake.route import Route
from reverser.manifest.field_changes import unseen
from reverser.model.attribution import UNRESOLVED, Attribution
from reverser.model.change import Change, Operation, Origin, Stream
from reverser.model.decision import Decision
from reverser.model.entry import Edit, Entry, Record
from reverser.model.resource import DEFINITIONS, ResourceType
from reverser.sanitize.managed_fields import changed_at, manager
from reverser.select.rules import CompiledRule, actors


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


def missing_from_list(route: Route, stream: Stream, record: Record, now: float) -> Decision:
    """The object is absent from a complete list of `stream`: its file goes."""
    if not wanted(_recorded_rules(route, stream.type, record), Operation.DELETE):
        return Decision("unselected")
    return _removal(record, stream.type, Origin.SWEEP, now, [])


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
    return _removal(record, change.stream.type, _origin(change), at, rules, reason=reason, attribution=author)


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
    return _removal(record, change.stream.type, _origin(change), change.seen_at, rules)


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
