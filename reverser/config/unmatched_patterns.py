"""Patterns for resource types that match none: a CRD that is still to come, or a misspelling.

Of `[[sensitive]]` it matters most: types that such a pattern could mean are withheld
(`select.resource_patterns`).

So are rules that select nothing in a cluster as it is now: most often a name is misspelt.

It is no fault: a type or a namespace may be still to come, and is followed once it is there. Rules of custom
resources are no part of this: their owners read the same in their status.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

import msgspec

from reverser.config.problems import did_you_mean
from reverser.config.schema import Config
from reverser.model.destination import is_of_resource
from reverser.model.resource import ResourceType
from reverser.select.resource_patterns import matches, means
from reverser.select.rules import CompiledRule

THEN = {
    "rules": "it is watched once it appears",
    "sensitive": "types that it could mean are withheld",
    "sanitize": "nothing that it means is stripped",
}
MEANING = {"rules": matches, "sensitive": means, "sanitize": means}


class Unmatched(msgspec.Struct, frozen=True):
    """One pattern."""

    key: str
    """Where it stands, as in `rules.everything.resources`."""
    pattern: str
    then: str
    """What follows from it."""
    hint: str

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.key}: no served type is called {self.pattern} now; {self.then}{hint}"


def unmatched(config: Config, cluster: str, types: Sequence[ResourceType]) -> list[Unmatched]:
    """Those of the rules of a cluster, of `[[sensitive]]` and of `[[sanitize]]`."""
    names = {name for kind in types for name in (kind.name, kind.resource, kind.singular, *kind.short_names)}
    return [
        Unmatched(f"{table}{which}.resources", pattern, THEN[table], did_you_mean(pattern, names))
        for table, which, patterns in _patterns(config, cluster)
        for pattern in patterns
        if not any(MEANING[table](pattern, kind) for kind in types)
    ]


def _patterns(config: Config, cluster: str) -> Iterator[tuple[str, str, Iterable[str]]]:
    for rule in config.rules:
        if rule.cluster == cluster and not is_of_resource(rule.destination):
            yield "rules", f".{rule.name}", rule.resources
    for index, sensitive in enumerate(config.sensitive):
        yield "sensitive", f"[{index}]", sensitive.resources
    for index, sanitize in enumerate(config.sanitize):
        yield "sanitize", f"[{index}]", sanitize.resources


NOT_SERVED = "check resources, exclude_resources, default_excludes and cluster_scoped"


def empty(
    rules: Iterable[CompiledRule], types: Sequence[ResourceType], namespaces: Collection[str] | None
) -> list[str]:
    """What rules do not find, a sentence each. `namespaces` is None where nobody may ask for them."""
    of_the_file = [each for each in rules if not is_of_resource(each.rule.destination)]
    return [line for rule in of_the_file for line in (*_types(rule, types), *_spaces(rule, namespaces))]


def _types(rule: CompiledRule, types: Sequence[ResourceType]) -> Iterator[str]:
    if not any(map(rule.selects_type, types)):
        yield f"rules.{rule.rule.name}: selects no type that is served now ({NOT_SERVED})"


def _spaces(rule: CompiledRule, namespaces: Collection[str] | None) -> Iterator[str]:
    if namespaces is None:
        return
    key = f"rules.{rule.rule.name}.namespaces"
    for glob in rule.rule.namespaces:
        matches = [name for name in namespaces if fnmatchcase(name, glob)]
        if not matches:
            hint = did_you_mean(glob, namespaces)
            then = "its objects are written once it exists"
            yield f"{key}: no namespace is called {glob} now; {then}{f' ({hint})' if hint else ''}"
        elif not any(map(rule.covers, matches)):
            yield f"{key}: {', '.join(sorted(matches)[:3])} is left out by exclude_namespaces"
