"""Patterns for resource types, in kubectl's spelling: what they match, mean, and have meant.

A pattern is `NAME`, `NAME.GROUP` or `NAME.VERSION.GROUP`, where NAME is a plural, a singular, a
short name, a kind in any case, or `*` for every type. A bare name matches in every group: two
groups that serve `events` are both meant. As with kubectl, an empty last part is the core group
(`pods.`, `pods.v1.`, `*.`), and a version matches only the one that is served to us.

A type may lose the short name or the version by which a pattern knows it, at any upgrade of an operator.
What is to be hidden or left out must not come back then: for that `means` asks, not `matches`. What a
pattern of `[[sensitive]]`, `exclude_resources` or `[[sanitize]]` has matched once it means for good. The
journal keeps that.

A pattern of `[[sensitive]]` by which nothing is called now may be a misspelling, or the name of something
that has another one. Then every type that it could mean is `perhaps` sensitive, and its objects are withheld:
types of the same group, every custom type where the pattern names no group, and whatever is called nearly
the same. Types that were there when it matched something are known: either meant or not.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

import msgspec

from reverser.model.resource import BUILTIN_GROUPS, ResourceType
from reverser.model.rule import Rule, SanitizeRule, SensitiveRule
from reverser.unexpected_errors import left_out

ANY = "*"
VERSION = re.compile(r"v[0-9]+(?:(?:alpha|beta)[0-9]+)?", re.ASCII)


def matches(pattern: str, type: ResourceType) -> bool:  # noqa: A002 - the word of the design
    """Whether the pattern covers the type."""
    name, dot, qualifier = pattern.strip().lower().partition(".")
    if name != ANY and (not name or name not in names(type)):
        return False
    return not dot or qualifier in (type.group, f"{type.version}.{type.group}")


def means(pattern: str, type: ResourceType) -> bool:  # noqa: A002
    """Whether the pattern covers the type in any version, or did so under a name that it had before."""
    return pattern in type.meant_by or calls(pattern, type)


def calls(pattern: str, type: ResourceType) -> bool:  # noqa: A002
    """Whether the pattern covers the type, by a name that it has now, in any version."""
    if matches(pattern, type):
        return True
    name, _, qualifier = pattern.strip().lower().partition(".")
    version, _, group = qualifier.partition(".")
    return VERSION.fullmatch(version) is not None and matches(f"{name}.{group}", type)


def names_exactly(pattern: str, type: ResourceType) -> bool:  # noqa: A002
    """Whether the pattern names this very type, without a wildcard."""
    return ANY not in pattern and matches(pattern, type)


def names(type: ResourceType) -> Iterator[str]:  # noqa: A002
    """What the type is called: plural, kind, singular and short names."""
    yield type.resource
    yield type.kind.lower()
    yield type.singular
    yield from type.short_names


SETTING = "meaning/"
"""Prefix of the journal's settings on patterns."""
ALIKE = 0.85


class Meaning(msgspec.Struct, frozen=True):
    """What one pattern has meant so far; types by their full names."""

    matched: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()
    """Types that were served beside one that it matched, and that it did not match."""


Answer: TypeAlias = tuple[
    Sequence[ResourceType], Collection[ResourceType], dict[str, Meaning], list[ResourceType]
]
"""What was asked of one cluster, what was known then, and what was answered."""


class Meanings:
    """What all patterns of a configuration mean; shared by its clusters."""

    def __init__(self, sensitive: Iterable[str], others: Iterable[str], settings: Mapping[str, str]) -> None:
        """`others`: patterns that withhold nothing. `settings` are those of the journal under `SETTING`."""
        self._sensitive = tuple(dict.fromkeys(sensitive))
        self._patterns = tuple(dict.fromkeys((*self._sensitive, *others)))
        self._known = {pattern: _read(settings, pattern) for pattern in self._patterns}
        self._saved = dict(settings)
        self._answers: dict[str, Answer] = {}

    def named(
        self, cluster: str, types: Sequence[ResourceType], missing: Collection[ResourceType] = ()
    ) -> list[ResourceType]:
        """The types that count as served by a cluster, with what they have been called; all are learned.

        `missing` are those that the newest answer of discovery lacks: of them nothing is learned, and a
        pattern that matches nothing else matches nothing.
        """
        before = self._answers.get(cluster)
        if before is not None and before[:3] == (types, missing, self._known):
            return before[3]
        there = [type_ for type_ in types if type_ not in missing]
        for pattern in self._patterns:
            self._known[pattern] = self._learned(pattern, there)
        idle = [each for each in self._sensitive if not any(calls(each, type_) for type_ in there)]
        answer = [self._named(type_, idle) for type_ in types]
        self._answers[cluster] = (types, missing, dict(self._known), answer)
        return answer

    def perhaps(self, type: ResourceType, idle: Iterable[str]) -> str:  # noqa: A002
        """The first of these patterns, which match nothing, that could mean the type."""
        unsure = (p for p in idle if not self._knows(p, type.name) and not calls(p, type))
        return next((pattern for pattern in unsure if may_mean(pattern, type)), "")

    def meant_by(self, name: str) -> tuple[str, ...]:
        """The patterns that have meant the type of this name."""
        return tuple(pattern for pattern, known in self._known.items() if name in known.matched)

    def learn(self, *types: ResourceType) -> None:
        """These are called what they are called; of types that are not given nothing is learned."""
        for pattern, known in self._known.items():
            matched = {each.name for each in types if not pattern.startswith(ANY) and calls(pattern, each)}
            if not matched <= known.matched:
                self._known[pattern] = Meaning(known.matched | matched, known.others - matched)

    def unknown(self, patterns: Iterable[str]) -> list[str]:
        """Those of these patterns that have meant nothing so far."""
        named = (pattern for pattern in patterns if not pattern.startswith(ANY))
        return [pattern for pattern in named if not self._known.get(pattern, Meaning()).matched]

    def changed(self) -> dict[str, str]:
        """Settings that the journal does not have yet; `saved` says that it has them now."""
        fresh = {SETTING + pattern: _encoded(known) for pattern, known in self._known.items()}
        return {name: text for name, text in fresh.items() if text != self._saved.get(name, _NOTHING)}

    def saved(self, settings: Mapping[str, str]) -> None:
        """These settings, which `changed` returned, are durable."""
        self._saved.update(settings)

    def _knows(self, pattern: str, name: str) -> bool:
        known = self._known.get(pattern, Meaning())
        return name in known.matched or name in known.others

    def _learned(self, pattern: str, types: Iterable[ResourceType]) -> Meaning:
        known = self._known[pattern]
        if pattern.startswith(ANY):
            return known  # a group has no other name
        meaning = learned(known, pattern, types)
        return meaning if pattern in self._sensitive else Meaning(meaning.matched)

    def _named(self, type: ResourceType, idle: Iterable[str]) -> ResourceType:  # noqa: A002
        meant_by, perhaps = self.meant_by(type.name), self.perhaps(type, idle)
        return msgspec.structs.replace(type, meant_by=meant_by, perhaps=perhaps)


def patterns(
    sensitive: Iterable[SensitiveRule], sanitize: Iterable[SanitizeRule], rules: Iterable[Rule]
) -> tuple[list[str], list[str]]:
    """(those of `[[sensitive]]`, those that leave out something else)."""
    hide = [pattern for rule in sensitive for pattern in rule.resources]
    strip = [pattern for each in sanitize for pattern in each.resources]
    return hide, [*strip, *(pattern for rule in rules for pattern in rule.exclude_resources)]


def merge_settings(*journals: Mapping[str, str]) -> dict[str, str]:
    """What several journals know, together."""
    merged: dict[str, str] = {}
    for name in {name for settings in journals for name in settings}:
        known = [_read(settings, name.removeprefix(SETTING)) for settings in journals]
        matched = frozenset[str]().union(*(each.matched for each in known))
        others = frozenset[str]().union(*(each.others for each in known)) - matched
        merged[name] = _encoded(Meaning(matched, others))
    return merged


def learned(known: Meaning, pattern: str, types: Iterable[ResourceType]) -> Meaning:
    """What is known of a pattern once these types were served together."""
    matched = {each.name for each in types if calls(pattern, each)}
    if not matched:
        return known
    matched |= known.matched
    return Meaning(frozenset(matched), known.others.union(each.name for each in types) - matched)


def may_mean(pattern: str, type: ResourceType) -> bool:  # noqa: A002
    """Whether a pattern that matches nothing could mean this type."""
    name, dot, qualifier = pattern.strip().lower().partition(".")
    called = (type.name,) if dot else tuple(names(type))
    if any(_alike(pattern.strip().lower(), each) for each in called):
        return True
    version, _, rest = qualifier.partition(".")
    same = name in names(type)
    if type.group in BUILTIN_GROUPS:
        # Their names are the same everywhere and for good, but some have moved, as from extensions to apps.
        group = rest if VERSION.fullmatch(version) else qualifier
        return bool(dot) and same and group in BUILTIN_GROUPS
    near = type.group in (qualifier, rest) or (name == ANY and _alike(qualifier, type.group))
    return not dot or same or near


_NOTHING = '{"matched":[],"others":[]}'


def _alike(one: str, other: str) -> bool:
    return bool(difflib.get_close_matches(one, [other], n=1, cutoff=ALIKE))


def _read(settings: Mapping[str, str], pattern: str) -> Meaning:
    text = settings.get(SETTING + pattern, "")
    with left_out("journal", SETTING + pattern):
        return msgspec.json.decode(text, type=Meaning) if text else Meaning()
    return Meaning()


def _encoded(known: Meaning) -> str:
    return msgspec.json.encode({"matched": sorted(known.matched), "others": sorted(known.others)}).decode()
