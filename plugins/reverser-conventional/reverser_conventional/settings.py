"""The table `[plugins.conventional]`, and what its types alone cannot say of it."""

from __future__ import annotations

import re
import string
from typing import Literal

import msgspec

NOUN = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
FIELDS = ("namespace", "cluster", "destination", "group", "resource", "kind", "name")
"""What a scope can be made of."""


class TypeRule(msgspec.Struct, frozen=True):
    """Gives commits a type. A change must match everything that is set."""

    type: str
    breaking: bool = False
    """Puts a `!` behind type and scope."""
    resources: tuple[str, ...] = ("*",)
    """Globs over `deployments.apps`."""
    namespaces: tuple[str, ...] = ("*",)
    """Globs; objects without a namespace have the empty one."""
    operations: tuple[Literal["CREATE", "UPDATE", "DELETE"], ...] = ("CREATE", "UPDATE", "DELETE")
    fields: tuple[str, ...] = ()
    """Globs over the paths of fields that changed; only updates have any."""
    users: tuple[str, ...] = ("*",)
    """Globs over user names as the API server has them."""


class Settings(msgspec.Struct, frozen=True):
    """The table itself."""

    type: str = "feat"
    """Of a commit that no rule matches."""
    snapshot_type: str = "chore"
    """Of snapshots, moves and sweeps."""
    scope: str = "{namespace}"
    """A format; left out where it is empty, or differs between the objects of a commit."""
    rules: tuple[TypeRule, ...] = ()
    """In order; the first that matches one of the commit's changes wins."""


def checked(settings: Settings) -> Settings:
    """The settings themselves. Raises ValueError."""
    for noun in (settings.type, settings.snapshot_type, *(rule.type for rule in settings.rules)):
        if not NOUN.fullmatch(noun):
            raise ValueError(f"{noun!r} cannot be a type; write one word, for example feat")
    for _, field, _, _ in string.Formatter().parse(settings.scope):
        if field is not None and field not in FIELDS:
            raise ValueError(f"scope: {{{field}}} is not one of {', '.join(FIELDS)}")
    return settings
