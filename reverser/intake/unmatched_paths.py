"""Reports paths of `[[sensitive]]` that no object of their type has, once all its objects were seen.

A new version of a CRD may give a field another name. reverser cannot know that, and the value is written in
clear; but then no object has the old path. The path may also be misspelt, or nobody has set the field yet.
There is one condition for each type. A type without objects has none until its first object comes. The
journal stores what was reported, because a stream that resumes lists nothing. The condition ends when an
object has the path.

Objects are searched only where a rule has paths, and only for paths that no object has had so far.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

import msgspec
import structlog

from reverser.health import Health
from reverser.model.change import Change, Stream
from reverser.model.condition import Condition
from reverser.model.resource import ResourceType
from reverser.model.rule import SensitiveRule
from reverser.sanitize.field_path import parse_path, reaches
from reverser.sanitize.sensitive_values import sensitive
from reverser.unexpected_errors import left_out

log = structlog.get_logger()

SETTING = "unmet/"
"""Prefix of the journal's settings: `unmet/<cluster>/<type>` -> the paths, as a JSON list."""
TYPE = "Sensitive"
MOST_PATHS = 5

Path: TypeAlias = tuple[str, ...]
TypeKey: TypeAlias = tuple[str, str]
"""Cluster and full name of a type."""


class Seen(msgspec.Struct):
    """What is known of the objects of one type in one version."""

    type: ResourceType
    missing: set[Path]
    objects: int = 0
    whole: bool = False
    """Whether a list is complete, so that every object has been looked at."""


class UnmatchedPaths:
    """The paths of all types that no object has had."""

    def __init__(self, rules: tuple[SensitiveRule, ...], health: Health) -> None:
        self._rules = _with_paths(rules)
        self._health = health
        self._seen: dict[TypeKey, Seen] = {}
        self._reported: dict[TypeKey, list[str]] = {}
        self._news: set[TypeKey] = set()

    def __bool__(self) -> bool:
        return bool(self._rules)

    def adopt(self, rules: tuple[SensitiveRule, ...]) -> None:
        """These rules are in force. Where they are others than before, every type lists again."""
        if _with_paths(rules) == self._rules:
            return
        self._rules = _with_paths(rules)
        self._seen.clear()
        self._news.clear()
        known = {path for rule in self._rules for path in rule.paths}
        for type_key, paths in list(self._reported.items()):
            self._show(type_key, [path for path in paths if path in known])

    def seed(self, settings: Mapping[str, str]) -> None:
        """Show what the last session reported."""
        known = {path for rule in self._rules for path in rule.paths}
        for name, value in settings.items():
            with left_out("journal", name):
                cluster, _, type_name = name.removeprefix(SETTING).partition("/")
                paths = [path for path in msgspec.json.decode(value, type=list[str]) if path in known]
                self._show((cluster, type_name), paths)

    def note(self, change: Change) -> None:
        """Look for the paths that are missing so far; of a large object in a thread."""
        type_ = change.stream.type
        type_key = (change.key.cluster, type_.name)
        seen = self._of(type_key, type_)
        if change.deleted:
            return
        seen.objects += 1
        present = {path for path in seen.missing if reaches(change.object, path)}
        seen.missing -= present
        if present or (seen.whole and seen.objects == 1):
            self._news.add(type_key)

    def show(self) -> dict[str, str]:
        """Tell what changed since: paths that an object has now, and those that a type's first one lacks.

        What the journal is to know of that comes back.
        """
        facts = dict[str, str]()
        while self._news:
            type_key = self._news.pop()
            seen, reported = self._seen[type_key], self._reported.get(type_key, [])
            missing = self._named(seen)
            facts |= self._tell(
                type_key, missing if seen.whole else [path for path in reported if path in missing]
            )
        return facts

    def forget(self, stream: Stream) -> None:
        """The type is not followed any more, or begins anew."""
        type_key = (stream.cluster, stream.type.name)
        self._seen.pop(type_key, None)
        self._news.discard(type_key)
        self._show(type_key, [])

    def listed(self, stream: Stream) -> dict[str, str]:
        """A list is complete: show what is missing, and what the journal is to know of that."""
        type_key = (stream.cluster, stream.type.name)
        seen = self._of(type_key, stream.type)
        seen.whole = True
        return self._tell(type_key, self._named(seen)) if seen.objects else {}

    def _of(self, type_key: TypeKey, type_: ResourceType) -> Seen:
        seen = self._seen.get(type_key)
        if seen is None or (seen.type is not type_ and seen.type != type_):
            seen = self._seen[type_key] = Seen(type_, set(sensitive(self._rules, type_).paths))
        return seen

    def _tell(self, type_key: TypeKey, missing: list[str]) -> dict[str, str]:
        before = self._reported.get(type_key, [])
        self._show(type_key, missing)
        if missing == before:
            return {}
        return {f"{SETTING}{'/'.join(type_key)}": msgspec.json.encode(missing).decode() if missing else ""}

    def _named(self, seen: Seen) -> list[str]:
        """The missing paths as the rules spell them."""
        every = dict.fromkeys(path for rule in self._rules for path in rule.paths)
        return [path for path in every if parse_path(path) in seen.missing]

    def _show(self, type_key: TypeKey, missing: list[str]) -> None:
        subject = f"sensitive/{'/'.join(type_key)}"
        if not missing:
            self._reported.pop(type_key, None)
            self._health.withdraw(subject, TYPE)
            return
        if self._reported.get(type_key) != missing:
            log.warning(
                "no object has this path of [[sensitive]]",
                cluster=type_key[0],
                type=type_key[1],
                paths=missing,
            )
        self._reported[type_key] = missing
        self._health.report(Condition(TYPE, subject, True, "PathNotFound", message(missing)))


def _with_paths(rules: Iterable[SensitiveRule]) -> tuple[SensitiveRule, ...]:
    return tuple(rule for rule in rules if rule.paths)


def message(missing: Iterable[str]) -> str:
    """What it means that no object of a type has these paths."""
    paths = list(missing)
    more = f" and {len(paths) - MOST_PATHS} more" if len(paths) > MOST_PATHS else ""
    text = f"no object of this type has {', '.join(paths[:MOST_PATHS])}{more}"
    return f"{text}: if the field has another name now, its value is written in clear; correct the path"
