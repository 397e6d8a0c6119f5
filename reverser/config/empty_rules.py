"""Rules that select nothing in a cluster as it is now: most often a name is misspelt. Pure.

It is no fault: a type or a namespace may be still to come, and is followed once it is there.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase

from reverser.config.problems import did_you_mean
from reverser.model.resource import ResourceType
from reverser.select.rules import CompiledRule

NOT_SERVED = "check resources, exclude_resources, default_excludes and cluster_scoped"


def empty(
    rules: Iterable[CompiledRule], types: Sequence[ResourceType], namespaces: Collection[str] | None
) -> list[str]:
    """What rules do not find, a sentence each. `namespaces` is None where nobody may ask for them."""
    return [line for rule in rules for line in (*_types(rule, types), *_spaces(rule, namespaces))]


def _types(rule: CompiledRule, types: Sequence[ResourceType]) -> Iterator[str]:
    if not any(map(rule.selects_type, types)):
        yield f"rules.{rule.rule.name}: selects no type that is served now ({NOT_SERVED})"


def _spaces(rule: CompiledRule, namespaces: Collection[str] | None) -> Iterator[str]:
    if namespaces is None:
        return
    key = f"rules.{rule.rule.name}.namespaces"
    for glob in rule.rule.namespaces:
        found = [name for name in namespaces if fnmatchcase(name, glob)]
        if not found:
            hint = did_you_mean(glob, namespaces)
            then = "what is in one is written once it is there"
            yield f"{key}: no namespace is called {glob} now; {then}{f' ({hint})' if hint else ''}"
        elif not any(map(rule.covers, found)):
            yield f"{key}: {', '.join(sorted(found)[:3])} is left out by exclude_namespaces"
