"""kubectl's spelling of resource types, matched against what discovery served.

A pattern is `NAME`, `NAME.GROUP` or `NAME.VERSION.GROUP`, where NAME is a plural, a singular, a
short name, a kind in any case, or `*` for every type. A bare name matches in every group: two
groups that serve `events` are both meant. As with kubectl, an empty last part is the core group
(`pods.`, `pods.v1.`, `*.`), and a version matches only the one that is served to us.

What is to be hidden or left out must not come back because a CRD has another version or another short name
now. For that `means` asks, not `matches`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from reverser.model.resource import ResourceType

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
