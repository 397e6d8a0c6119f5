"""What rules select, as groups, plurals and namespaces: all that a registration or a policy can express.

The result may be wider than the rules, never narrower: a needless call costs a millisecond, a missing one an
author. A pattern in a rule may be a kind or a short name, which only discovery knows (`types`); as long as
no served type has the name, every type is meant. Label selectors and operations are not expressed: the API
server sees no labels of a Deployment that is scaled, and an object that comes into a selection is created
there by an update.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from reverser.model.resource import CASCADING, ResourceType
from reverser.model.rule import Rule
from reverser.sanitize.excluded_types import excluded_type
from reverser.select.resource_patterns import ANY, matches
from reverser.select.rules import CompiledRule, ExcludeType

MOST_LEFT_OUT = 100
"""More would make long expressions, and save less and less."""

NOISE = (
    ResourceType("", "v1", "events", "Event", namespaced=True, short_names=("ev",), singular="event"),
    ResourceType(
        "events.k8s.io", "v1", "events", "Event", namespaced=True, short_names=("ev",), singular="event"
    ),
    ResourceType("coordination.k8s.io", "v1", "leases", "Lease", namespaced=True, singular="lease"),
    ResourceType(
        "coordination.k8s.io",
        "v1beta1",
        "leasecandidates",
        "LeaseCandidate",
        namespaced=True,
        singular="leasecandidate",
    ),
)
"""Left out also without discovery, unless a rule names them."""

SECRETS = ("", "secrets")

_VERSION = re.compile(r"v[0-9]+(?:(?:alpha|beta)[0-9]+)?")

Selection = dict[str, frozenset[str]]
"""Group -> plurals; "*" stands for any."""


def selected(rules: Iterable[Rule], types: Collection[ResourceType]) -> Selection:
    """The groups and plurals that rules can select, those of later types included."""
    by_group: dict[str, set[str]] = {}
    for rule in rules:
        for pattern in rule.resources:
            plurals = _plurals(pattern, types)
            for group in _groups(pattern, types):
                by_group.setdefault(group, set()).update(plurals)
    everywhere = by_group.get(ANY, set())
    reduced = {
        group: _reduced(plurals if group == ANY else plurals - everywhere)
        for group, plurals in by_group.items()
    }
    return {
        group: plurals
        for group, plurals in sorted(reduced.items())
        if group == ANY or (plurals and ANY not in everywhere)
    }


def covers(selection: Selection, group: str, plural: str) -> bool:
    """Whether a selection has this type."""
    plurals = selection.get(group, frozenset()) | selection.get(ANY, frozenset())
    return ANY in plurals or plural in plurals


def left_out(
    rules: Sequence[Rule],
    types: Iterable[ResourceType],
    exclude: ExcludeType = excluded_type,
    *,
    secrets: bool = True,
) -> list[tuple[str, str]]:
    """(group, plural) of known types that `selected` covers though no rule selects them."""
    compiled = [CompiledRule(rule, exclude) for rule in rules]
    known = {(type_.group, type_.resource): type_ for type_ in (*NOISE, *types)}
    selection = selected(rules, known.values())
    unwanted = [
        type_
        for name, type_ in known.items()
        if covers(selection, *name) and not any(rule.selects_type(type_) for rule in compiled)
    ]
    unwanted.sort(key=lambda type_: (type_ not in NOISE, not exclude(type_)))
    names = [(type_.group, type_.resource) for type_ in unwanted]
    others = [name for name in names if name not in (SECRETS, *CASCADING)]
    return ([] if secrets and SECRETS not in names else [SECRETS]) + others[:MOST_LEFT_OUT]


def takes_cluster_scoped(rule: Rule) -> bool:
    """Whether a rule selects objects without a namespace."""
    return rule.namespaces == ("*",) if rule.cluster_scoped == "auto" else rule.cluster_scoped


def only_namespaces(rules: Sequence[Rule]) -> list[str]:
    """The names, where all rules name their namespaces and select nothing else; else empty."""
    names = {name for rule in rules for name in rule.namespaces}
    if any(map(takes_cluster_scoped, rules)) or any(
        character in name for name in names for character in "*?["
    ):
        return []
    return sorted(names)


def _reduced(plurals: set[str]) -> frozenset[str]:
    return frozenset({ANY}) if ANY in plurals else frozenset(plurals)


def _plurals(pattern: str, types: Iterable[ResourceType]) -> set[str]:
    if pattern.strip().partition(".")[0] == ANY:
        return {ANY}
    return {type_.resource for type_ in types if matches(pattern, type_)} or {ANY}


def _groups(pattern: str, types: Iterable[ResourceType]) -> set[str]:
    """The group that a pattern names; `v1.apps` may be version v1 of apps, or a group of that name."""
    _, dot, qualifier = pattern.strip().lower().partition(".")
    if not dot:
        return {ANY}
    known = {type_.group for type_ in types if matches(f"{ANY}.{qualifier}", type_)}
    version, dot, rest = qualifier.partition(".")
    if known or not (dot and _VERSION.fullmatch(version)):
        return known or {qualifier}
    return {qualifier, rest} if rest else {rest}
