"""Finds paths of `[[sensitive]]` that no object of a replay has: the field may have another name, and be in
clear.

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

from reverser.bugs import left_out
from reverser.model.resource import ResourceType
from reverser.model.rule import SensitiveRule
from reverser.sanitize.field_path import parse_path, reaches
from reverser.select.resources import means

FACT = "found/"
"""Prefix of the journal's facts: `found/<type>/<version>` -> the paths, as a JSON list."""


class Absent:
    """The paths of one replay, as the rules spell them."""

    def __init__(self, rules: tuple[SensitiveRule, ...]) -> None:
        self._rules = tuple(rule for rule in rules if rule.paths)
        self._found: defaultdict[str, set[str]] = defaultdict(set)
        self._wanted: dict[str, tuple[str, ...]] = {}
        self._news: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._rules)

    def seed(self, facts: Mapping[str, str]) -> None:
        """Take over what earlier runs have found."""
        for name, fact in facts.items():
            with left_out("journal", name):
                self._found[name.removeprefix(FACT)].update(msgspec.json.decode(fact, type=list[str]))

    def note(self, type_: ResourceType, content: Any, *, whole: bool) -> None:
        """Look into an object for the paths that are missing so far."""
        paths = _paths(self._rules, type_)
        if not paths:
            return
        place = f"{type_.name}/{type_.version}"
        found = self._found[place]
        if whole:
            self._wanted[place] = tuple(paths)
        met = {text for text, path in paths.items() if text not in found and reaches(content, path)}
        if met:
            found |= met
            self._news.add(place)

    def facts(self) -> dict[str, str]:
        """What the journal is to know since it was asked last."""
        news, self._news = self._news, set()
        return {f"{FACT}{place}": msgspec.json.encode(sorted(self._found[place])).decode() for place in news}

    def missing(self) -> dict[str, list[str]]:
        """Type and version -> the paths that no object has."""
        rows = {
            place: [text for text in texts if text not in self._found[place]]
            for place, texts in sorted(self._wanted.items())
        }
        return {place: texts for place, texts in rows.items() if texts}


@lru_cache(maxsize=4096)
def _paths(rules: tuple[SensitiveRule, ...], type_: ResourceType) -> Mapping[str, tuple[str, ...]]:
    found = [rule for rule in rules if any(means(pattern, type_) for pattern in rule.resources)]
    return {text: parse_path(text) for rule in found for text in rule.paths}
