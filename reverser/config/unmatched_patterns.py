"""Patterns for resource types that match none: a CRD that is still to come, or a misspelling.

Of `[[sensitive]]` it matters most: types that such a pattern could mean are withheld
(`select.pattern_meaning`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from reverser.config.problems import did_you_mean
from reverser.config.tables import Config
from reverser.model.resource import ResourceType
from reverser.select.resources import matches, means

THEN = {
    "rules": "it is watched once it appears",
    "sensitive": "types that it could mean are withheld",
    "sanitize": "of what is meant nothing is stripped",
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
        return f"{self.key}: no type is called {self.pattern} now; {self.then}{hint}"


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
        if rule.cluster == cluster:
            yield "rules", f".{rule.name}", rule.resources
    for index, sensitive in enumerate(config.sensitive):
        yield "sensitive", f"[{index}]", sensitive.resources
    for index, sanitize in enumerate(config.sanitize):
        yield "sanitize", f"[{index}]", sanitize.resources
