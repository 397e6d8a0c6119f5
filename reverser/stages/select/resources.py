"""kubectl's spelling of resource types, matched against what discovery served.

A pattern is `NAME`, `NAME.GROUP` or `NAME.VERSION.GROUP`, where NAME is a plural, a singular, a
short name, a kind in any case, or `*` for every type. A bare name matches in every group: two
groups that serve `events` are both meant. As with kubectl, an empty last part is the core group
(`pods.`, `pods.v1.`, `*.`), and a version matches only the one that is served to us.
"""

from __future__ import annotations

from collections.abc import Iterator

from reverser.model.resource import ResourceType

ANY = "*"


def matches(pattern: str, type: ResourceType) -> bool:  # noqa: A002 - the word of the design
    """Whether the pattern covers the type."""
    name, dot, qualifier = pattern.strip().lower().partition(".")
    if name != ANY and (not name or name not in _names(type)):
        return False
    return not dot or qualifier in (type.group, f"{type.version}.{type.group}")


def names_exactly(pattern: str, type: ResourceType) -> bool:  # noqa: A002
    """Whether the pattern names this very type, without a wildcard."""
    return ANY not in pattern and matches(pattern, type)


def _names(type: ResourceType) -> Iterator[str]:  # noqa: A002
    yield type.resource
    yield type.kind.lower()
    yield type.singular
    yield from type.short_names
