"""One element of `spec.rules` -> patterns for a rule, the types that it selects, and what of it selects none.

Groups, versions and names multiply. Where each combination can be spelt as a pattern (`deployments.apps`,
`*.v1.apps`), the patterns are used, so that a type that is installed later is selected without a change of
the rule. Where it cannot, since a version is given and no group, or the combinations are too many, the types
that are served now are named one by one.

A version selects a type only where it is the one that the API server prefers, in which the type is watched.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

import msgspec

from reverser.config.rule_checks import RESOURCE
from reverser.custom_resources.api_types import ClusterResourceRule, ResourceRule
from reverser.model.resource import ResourceType
from reverser.select.resource_patterns import ANY, VERSION, names

MOST_PATTERNS = 200
"""Of one element; beyond, types are named one by one."""
MOST_REMEMBERED = 4096
"""Elements whose selections an index remembers."""
ExcludeType: TypeAlias = Callable[[ResourceType], str]
"""Why a type is left out unless it is named exactly; empty when it is not."""
_GROUP = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")


class TypeSelection(msgspec.Struct, frozen=True):
    """What one element selects."""

    patterns: tuple[str, ...]
    """For `Rule.resources`; empty: nothing can be selected."""
    types: tuple[ResourceType, ...]
    """Those that are served, can be watched and are selected."""
    idle: tuple[str, ...]
    """Entries of `resources` that select none of the types that are served."""


class TypeIndex:
    """The types that a cluster serves and that can be watched, by all that they are called."""

    def __init__(self, types: Sequence[ResourceType], exclude: ExcludeType) -> None:
        self.types = tuple(types)
        self._by_name: dict[str, list[ResourceType]] = defaultdict(list)
        watchable = [each for each in types if each.watchable]
        for each in watchable:
            for name in set(filter(None, names(each))):
                self._by_name[name].append(each)
        self._usual = [each for each in watchable if not exclude(each)]
        self.selections: dict[tuple[object, ...], TypeSelection] = {}
        """What elements of rules select, for the many rules that say the same."""

    def matching(self, pattern: str) -> list[ResourceType]:
        """The types that a pattern in lower case selects, as a rule with default excludes takes it."""
        name, dot, qualifier = pattern.partition(".")
        called = self._usual if name == ANY else self._by_name.get(name, [])
        if not dot:
            return called
        return [each for each in called if qualifier in (each.group, f"{each.version}.{each.group}")]


def select(rule: ResourceRule | ClusterResourceRule, index: TypeIndex, *, namespaced: bool) -> TypeSelection:
    """The selection of one element, among objects with or without a namespace."""
    key = (rule.resources, rule.api_groups, rule.api_versions, namespaced)
    if key not in index.selections:
        if len(index.selections) >= MOST_REMEMBERED:
            index.selections.clear()
        index.selections[key] = _selection(rule, index, namespaced=namespaced)
    return index.selections[key]


def _selection(
    rule: ResourceRule | ClusterResourceRule, index: TypeIndex, *, namespaced: bool
) -> TypeSelection:
    groups, versions = _listed(rule.api_groups), _listed(rule.api_versions)
    entries = tuple(dict.fromkeys(each.strip().lower() for each in rule.resources))
    usable = [entry for entry in entries if RESOURCE.fullmatch(entry)]
    selected: dict[ResourceType, None] = {}
    idle = [entry for entry in entries if entry not in usable]
    for entry in usable:
        chosen = [
            each
            for each in index.matching(entry)
            if each.namespaced is namespaced
            and (groups is None or each.group in groups)
            and (versions is None or each.version in versions)
        ]
        selected.update(dict.fromkeys(chosen))
        if not chosen:
            idle.append(entry)
    patterns = _patterns(usable, groups, versions)
    exact = tuple(sorted(map(exact_pattern, selected)))
    return TypeSelection(exact if patterns is None else patterns, tuple(selected), tuple(idle))


def exact_pattern(type: ResourceType) -> str:  # noqa: A002 - the word of the design
    """The pattern that names just this type: `pods.` in the core group, `deployments.apps`."""
    return f"{type.resource}.{type.group}"


def _listed(values: Iterable[str]) -> frozenset[str] | None:
    """The values in lower case; None: all."""
    listed = frozenset(value.strip().lower() for value in values)
    return None if not listed or ANY in listed else listed


def _patterns(
    entries: Sequence[str], groups: frozenset[str] | None, versions: frozenset[str] | None
) -> tuple[str, ...] | None:
    """All combinations; None where patterns cannot say what is meant."""
    if groups is None and versions is None:
        return tuple(sorted(entries))
    if groups is None or any("." in entry for entry in entries):
        return None
    if len(entries) * len(groups) * len(versions or ANY) > MOST_PATTERNS:
        return None
    return tuple(sorted(_combined(entries, groups, versions)))


def _combined(
    entries: Sequence[str], groups: frozenset[str], versions: frozenset[str] | None
) -> Iterator[str]:
    for group in groups:
        # The group v1.apps would be read as version v1 of the group apps.
        if group and (not _GROUP.fullmatch(group) or VERSION.fullmatch(group.partition(".")[0])):
            continue
        for entry in entries:
            if versions is None:
                yield f"{entry}.{group}"
            else:
                yield from (f"{entry}.{each}.{group}" for each in versions if VERSION.fullmatch(each))
