"""Which changes go to which destination, and what is stripped on the way.

These structs are the `[[rules]]`, `[[sensitive]]` and `[[sanitize]]` tables of the configuration file.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

Excluded: TypeAlias = Literal["skip", "fold"]
"""How the writes that a rule excludes reach Git (docs/excluded-writes.md)."""


class Actors(msgspec.Struct, frozen=True):
    """What one rule says of who writes. It travels with each entry that it concerns, to its attribution."""

    exclude_users: tuple[str, ...] = ()
    exclude_managers: tuple[str, ...] = ()
    only_users: tuple[str, ...] = ()
    excluded: Excluded = "skip"


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Selects changes of one cluster for one destination."""

    name: str
    """Names the rule in logs and errors."""
    destination: str
    """Name of a [[destinations]] table."""
    cluster: str = "default"
    """Name of a [[clusters]] table."""
    resources: tuple[str, ...] = ("*",)
    """kubectl's spelling: deployments, deployments.apps, *.apps, deploy, Deployment, *."""
    exclude_resources: tuple[str, ...] = ()
    """The same spelling; wins over `resources`."""
    namespaces: tuple[str, ...] = ("*",)
    """Globs. Left at ["*"], objects without a namespace are selected too (see `cluster_scoped`)."""
    cluster_scoped: bool | Literal["auto"] = "auto"
    """Whether objects without a namespace are selected; auto: only when namespaces is ["*"]."""
    exclude_namespaces: tuple[str, ...] = ("kube-*",)
    """Globs; win over `namespaces`. They do not touch objects without a namespace."""
    selector: str = ""
    """Label selector in kubectl's syntax."""
    operations: tuple[Literal["create", "update", "delete"], ...] = ("create", "update", "delete")
    """Which live changes are written. Snapshots and sweeps count as create and delete."""
    default_excludes: bool = True
    """Whether the types of docs/excluded.md are left out; naming one exactly overrides it."""
    exclude_users: tuple[str, ...] = ()
    """Globs for users, as the API server knows them, whose writes make no commits of their own."""
    exclude_managers: tuple[str, ...] = ()
    """Globs for field managers whose writes make no commits of their own."""
    only_users: tuple[str, ...] = ()
    """Globs; when there are any, writes that are proven to be by other users are excluded as well."""
    excluded: Excluded = "skip"
    """skip: excluded writes gather in commits of the committer; fold: the object's next commit takes them."""


class SensitiveRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What of some types is treated like the values of a Secret. Without paths and keys: everything."""

    resources: tuple[str, ...]
    """kubectl's spelling, as in rules."""
    paths: tuple[str, ...] = ()
    """Field paths whose values are sensitive: spec.password, spec.users[*].token."""
    keys: tuple[str, ...] = ()
    """Globs over the keys of data, stringData and binaryData: *-token."""


class SanitizeRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Additions to the core sanitizer for some types. They can only take away."""

    resources: tuple[str, ...] = ("*",)
    """kubectl's spelling, as in rules."""
    strip: tuple[str, ...] = ()
    """Field paths that are never stored: spec.observed, metadata.annotations['example.com/seen']."""
    insignificant: tuple[str, ...] = ()
    """Field paths that are stored when something else changed, but never a reason for a commit."""
