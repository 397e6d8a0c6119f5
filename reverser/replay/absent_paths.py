"""Finds paths of `[[sensitive]]` that no object has: the field may be in clear under another name.

A log may be read by several runs, each of which reads only what is new. So the paths that were found are
stored, by type and version, because versions may name a field differently. Only types of which this run has
read a whole object are reported: a patch may show that a path exists, never that it does not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from reverser.model.resource import ResourceType
from reverser.model.rule import SensitiveRule
from reverser.sanitize.field_path import parse_path, reaches
from reverser.select.resource_patterns import means
from reverser.unexpected_errors import left_out

PREFIX = "found/"
"""Prefix of the journal's facts: `found/<type>/<version>` -> the paths, as a JSON list."""


class AbsentPaths:
    """The paths of one replay, as the rules spell them."""

    def __init__(self, rules: tuple[SensitiveRule, ...]) -> None:
        self._rules = tuple(rule for rule in rules if rule.paths)
        self._reached: defaultdict[str, set[str]] = defaultdict(set)
        self._wanted: dict[str, tuple[str, ...]] = {}
        self._news: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._rules)

    def seed(self, facts: Mapping[str, str]) -> None:
        """Take over what earlier runs have found."""
        for name, fact in facts.items():
            with left_out("journal", name):
                self._reached[name.removeprefix(PREFIX)].update(msgspec.json.decode(fact, type=list[str]))

    def note(self, type_: ResourceType, content: Any, *, whole: bool) -> None:
        """Look into an object for the paths that are missing so far."""
        paths = _paths(self._rules, type_)
        if not paths:
            return
        type_version = f"{type_.name}/{type_.version}"
        reached = self._reached[type_version]
        if whole:
            self._wanted[type_version] = tuple(paths)
        met = {text for text, path in paths.items() if text not in reached and reaches(content, path)}
        if met:
            reached |= met
            self._news.add(type_version)

    def facts(self) -> dict[str, str]:
        """The settings for the journal that are new since the last call."""
        news, self._news = self._news, set()
        return {
            f"{PREFIX}{type_version}": msgspec.json.encode(sorted(self._reached[type_version])).decode()
            for type_version in news
        }

    def missing(self) -> dict[str, list[str]]:
        """Type and version -> the paths that no object has."""
        rows = {
            type_version: [text for text in texts if text not in self._reached[type_version]]
            for type_version, texts in sorted(self._wanted.items())
        }
        return {type_version: texts for type_version, texts in rows.items() if texts}


@lru_cache(maxsize=4096)
def _paths(rules: tuple[SensitiveRule, ...], type_: ResourceType) -> Mapping[str, tuple[str, ...]]:
    matching = [rule for rule in rules if any(means(pattern, type_) for pattern in rule.resources)]
    return {text: parse_path(text) for rule in matching for text in rule.paths}
