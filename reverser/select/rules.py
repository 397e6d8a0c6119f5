"""A rule, compiled: which types, objects and operations it selects, and which writes it excludes.

What a rule says of types is decided once a type; namespaces, names and labels once a change.

Whether a write is excluded (`exclude_users`, `exclude_managers`, `only_users`) is decided by its entry
alone, with the attribution in, so it can be asked whenever its attribution is final, and again after a
restart, with the same answer. An excluded entry is written like any other; `writer.held_entries` says
when, `writer.commit_message` how its commit calls it.

Doubt includes: a write whose user is not proven is never excluded for its user, neither by
`exclude_users` nor by `only_users`, so that no stranger's change goes without a commit. Objects of
a snapshot and of a sweep have no user at all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import TypeAlias

from reverser.model.attribution import Attribution
from reverser.model.change import Operation, Origin
from reverser.model.commit import CommitPlan
from reverser.model.entry import Entry
from reverser.model.resource import ObjectKey, ResourceType
from reverser.model.rule import Actors, Excluded, Rule
from reverser.select.labels import parse
from reverser.select.resource_patterns import matches, means, names_exactly

ExcludeType: TypeAlias = Callable[[ResourceType], str]
"""Why a type is left out by default; "" when it is not."""


class CompiledRule:
    """A `Rule` that answers quickly. Raises ValueError for a selector that cannot be read."""

    def __init__(self, rule: Rule, exclude: ExcludeType) -> None:
        self.rule = rule
        self._exclude = exclude
        self._selector = parse(rule.selector)
        self._cluster_scoped = (
            rule.namespaces == ("*",) if rule.cluster_scoped == "auto" else rule.cluster_scoped
        )
        self._operations = frozenset(each for each in Operation if each.value.lower() in rule.operations)
        self.actors = _actors(rule)
        """What the rule says of who writes; None: it takes everybody's writes."""
        self._types: dict[ResourceType, bool] = {}

    @property
    def selects_types_as(self) -> Hashable:
        """Equal for two rules that select the same types."""
        rule = self.rule
        return rule.resources, rule.exclude_resources, rule.default_excludes, self._cluster_scoped

    def selects_type(self, type: ResourceType) -> bool:  # noqa: A002 - the word of the design
        """Whether objects of this type can be selected at all."""
        if type not in self._types:
            self._types[type] = self._decide_type(type)
        return self._types[type]

    def reaches(self, type: ResourceType, namespace: str) -> bool:  # noqa: A002
        """Whether objects of this type in this namespace ("": without one) can be selected at all."""
        return self.selects_type(type) and (self.covers(namespace) if namespace else self._cluster_scoped)

    def selects(self, key: ObjectKey, labels: Mapping[str, str], fulfilled: Collection[str] = ()) -> bool:
        """Whether this object of a selected type is selected, by cluster, namespace and labels.

        `fulfilled`: selectors that are known to match, whatever the labels are.
        """
        return (
            key.cluster == self.rule.cluster
            and (self.covers(key.namespace) if key.namespace else self._cluster_scoped)
            and (self.rule.selector in fulfilled or self.matches(labels))
        )

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether the selector matches these labels."""
        return self._selector.matches(labels)

    def covers(self, namespace: str) -> bool:
        """Whether objects in this namespace are selected."""
        return _covers(self.rule.namespaces, self.rule.exclude_namespaces, namespace)

    def wants(self, operation: Operation) -> bool:
        """Whether live changes of this kind are written."""
        return operation in self._operations

    def _decide_type(self, type: ResourceType) -> bool:  # noqa: A002
        rule = self.rule
        if not any(matches(pattern, type) for pattern in rule.resources):
            return False
        if any(means(pattern, type) for pattern in rule.exclude_resources):
            return False
        if not (type.namespaced or self._cluster_scoped):
            return False
        named = any(names_exactly(pattern, type) for pattern in rule.resources)
        return named or not (rule.default_excludes and self._exclude(type))


@lru_cache(maxsize=4096)
def _covers(included: tuple[str, ...], excluded: tuple[str, ...], namespace: str) -> bool:
    if not any(fnmatchcase(namespace, glob) for glob in included):
        return False
    return not any(fnmatchcase(namespace, glob) for glob in excluded)


def _actors(rule: Rule) -> Actors | None:
    if not (rule.exclude_users or rule.exclude_managers or rule.only_users):
        return None
    return Actors(rule.exclude_users, rule.exclude_managers, rule.only_users, rule.excluded)


def actors(rules: Iterable[CompiledRule]) -> tuple[Actors, ...]:
    """What these rules say of who writes; empty when one of them takes everybody's writes."""
    every = [compiled.actors for compiled in rules]
    return tuple(dict.fromkeys(filter(None, every))) if all(every) else ()


def excluded(entry: Entry) -> Excluded | None:
    """How an entry reaches Git without a commit of its own; None: it makes one.

    Where several rules select the object it makes one as soon as one of them does not exclude it;
    where they differ in the word, `skip` wins, which puts nothing into somebody else's commit.
    """
    if entry.origin is not Origin.LIVE or not entry.actors:
        return None
    if not all(_excludes(each, entry.attribution) for each in entry.actors):
        return None
    return "fold" if all(each.excluded == "fold" for each in entry.actors) else "skip"


def split_excluded(plan: CommitPlan) -> tuple[CommitPlan | None, tuple[Entry, ...]]:
    """(what the commit is about, the excluded entries in it); None: it is about the excluded ones."""
    own = tuple(entry for entry in plan.entries if not excluded(entry))
    aside = tuple(entry for entry in plan.entries if excluded(entry))
    return (CommitPlan(own) if own else None), aside


def _excludes(actors: Actors, attribution: Attribution) -> bool:
    if attribution.manager and _any(actors.exclude_managers, attribution.manager):
        return True
    if not attribution.named:
        return False
    user = attribution.actor.name
    return _any(actors.exclude_users, user) or bool(actors.only_users and not _any(actors.only_users, user))


def _any(globs: Iterable[str], name: str) -> bool:
    return any(fnmatchcase(name, glob) for glob in globs)
