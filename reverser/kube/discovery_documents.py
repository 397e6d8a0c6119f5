"""The documents of discovery, old and new, as far as they are read. Names as in the API.

What stands in a list stays bytes, and is decoded row by row: one that makes no sense leaves the others.
"""

from __future__ import annotations

import msgspec


class Kind(msgspec.Struct, frozen=True):
    """How objects call their type."""

    kind: str = ""


class Subresource(msgspec.Struct, frozen=True):
    """For example `status`."""

    subresource: str


class Resource(msgspec.Struct, frozen=True, rename="camel"):
    """A type in an aggregated answer."""

    resource: str
    scope: str = ""
    verbs: tuple[str, ...] | None = None
    short_names: tuple[str, ...] | None = None
    singular_resource: str = ""
    categories: tuple[str, ...] | None = None
    response_kind: Kind | None = None
    subresources: tuple[Subresource, ...] | None = None


class Version(msgspec.Struct, frozen=True):
    """A version of a group; `freshness` is Stale when the API behind it did not answer."""

    version: str
    resources: tuple[msgspec.Raw, ...] | None = None
    """`Resource`s."""
    freshness: str = ""


class Name(msgspec.Struct, frozen=True):
    """Metadata of a group; the core group has no name."""

    name: str = ""


class GroupName(msgspec.Struct, frozen=True):
    """What is read of a group first: its name in an aggregated answer, or in one that is not."""

    metadata: Name = Name()
    name: str = ""


class Group(msgspec.Struct, frozen=True):
    """A group in an aggregated answer, its versions by preference."""

    metadata: Name = Name()
    versions: tuple[msgspec.Raw, ...] | None = None
    """`Version`s."""


class OldGroup(msgspec.Struct, frozen=True, rename="camel"):
    """A group in an answer that is not aggregated."""

    name: str
    versions: tuple[msgspec.Raw, ...] | None = None
    """`Version`s."""
    preferred_version: Version | None = None


class Root(msgspec.Struct, frozen=True):
    """What `/api` and `/apis` answer: `items` if aggregated, else `versions` or `groups`."""

    kind: str = ""
    items: tuple[msgspec.Raw, ...] | None = None
    """`Group`s."""
    versions: tuple[str, ...] | None = None
    groups: tuple[msgspec.Raw, ...] | None = None
    """`OldGroup`s."""


class OldResource(msgspec.Struct, frozen=True, rename="camel"):
    """A type, or a subresource named `type/subresource`."""

    name: str
    kind: str = ""
    namespaced: bool = False
    verbs: tuple[str, ...] | None = None
    short_names: tuple[str, ...] | None = None
    singular_name: str = ""
    categories: tuple[str, ...] | None = None


class ResourceList(msgspec.Struct, frozen=True, rename="camel"):
    """All types of one version of one group."""

    group_version: str = ""
    resources: tuple[msgspec.Raw, ...] | None = None
    """`OldResource`s."""
