"""Resource types as an audit log shows them, since there may be no cluster to ask.

Group, plural and scope stand in the event, kind and version in the object. Short names are those of
Kubernetes' own types; of a custom type they are known once its CRD was seen, and so is whether it has a
subresource `status`. Until then a custom type is assumed to have one, as nearly all do, unless its managed
fields show that somebody wrote a status without it.

A log may not show which type a pattern of `[[sensitive]]` means. As long as no known type has the name,
every type that it could mean is in doubt (`select.resource_patterns`). What the daemon of this cluster has
learned of patterns counts here too.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import msgspec

from reverser.model.resource import BUILTIN_GROUPS, ResourceType
from reverser.replay.builtin_types import SHORT_NAMES
from reverser.replay.builtin_types import TYPES as KUBERNETES
from reverser.sanitize.managed_fields import entries
from reverser.select.resource_patterns import ANY, Meanings, calls, matches

SHORT_CHARACTERS = 5
"""A name in a rule that is no longer may be a short name, which a log does not tell."""


class _Names(msgspec.Struct, frozen=True, rename="camel"):
    plural: str
    kind: str
    singular: str = ""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


class _Version(msgspec.Struct, frozen=True):
    name: str
    subresources: dict[str, Any] | None = None


class _Definition(msgspec.Struct, frozen=True):
    group: str
    names: _Names
    versions: tuple[_Version, ...] = ()

    def has_status(self, version: str) -> bool:
        subresources = (each.subresources or {} for each in self.versions if each.name == version)
        return "status" in next(subresources, {})


class LoggedTypes:
    """What is known of types so far."""

    def __init__(self, meanings: Meanings | None = None) -> None:
        self._meanings = meanings or Meanings((), (), {})
        self._definitions: dict[tuple[str, str], _Definition] = {}
        self._kinds: dict[tuple[str, str], tuple[str, str]] = {}
        self._types: dict[tuple[Any, ...], ResourceType] = {}

    def type(
        self, group: str, resource: str, api_version: str, kind: str, *, namespaced: bool
    ) -> ResourceType:
        """The type of an object; version and kind may be empty, and are then the last that were seen."""
        version = api_version.rpartition("/")[2]
        if version and kind:
            self._kinds[group, resource] = (version, kind)
        else:
            version, kind = self._kinds.get((group, resource), ("", ""))
        status = group in BUILTIN_GROUPS or self._status(group, resource, version)
        return self._type(group, resource, version, kind, namespaced=namespaced, status=status)

    def of_object(self, type: ResourceType, obj: dict[str, Any]) -> ResourceType:  # noqa: A002
        """The same, after a look at an object that may show that its status is an ordinary field."""
        name = (type.group, type.resource)
        if type.group in BUILTIN_GROUPS or name in self._definitions or not _status_is_content(obj):
            return type
        return msgspec.structs.replace(type, subresources=())

    def learn(self, definition: dict[str, Any]) -> None:
        """Take in a CustomResourceDefinition."""
        try:
            spec = msgspec.convert(definition.get("spec"), _Definition)
        except msgspec.ValidationError:
            return
        self._definitions[spec.group, spec.names.plural] = spec
        self._types.clear()

    def perhaps(self, type: ResourceType, patterns: Iterable[str]) -> str:  # noqa: A002
        """The first of these patterns that may mean this type by a name that is not known; "" if none can."""
        unknown = self._meanings.unknown(patterns)
        idle = [pattern for pattern in unknown if not _of_kubernetes(pattern)]
        return self._meanings.perhaps(type, idle) if idle else ""

    def doubtful(self, type: ResourceType, patterns: Iterable[str]) -> str:  # noqa: A002
        """The first pattern that may mean this type by a short name that is not known; "" if none can."""
        if type.group in BUILTIN_GROUPS or (type.group, type.resource) in self._definitions:
            return ""
        return next((pattern for pattern in patterns if _may_mean(pattern, type)), "")

    def _status(self, group: str, resource: str, version: str) -> bool:
        definition = self._definitions.get((group, resource))
        return definition is None or definition.has_status(version)

    def _type(
        self, group: str, resource: str, version: str, kind: str, *, namespaced: bool, status: bool
    ) -> ResourceType:
        key = (group, resource, version, kind, namespaced, status)
        if key not in self._types:
            definition = self._definitions.get((group, resource))
            names = _Names(resource, kind) if definition is None else definition.names
            type_ = ResourceType(
                group,
                version,
                resource,
                kind,
                namespaced,
                short_names=names.short_names or SHORT_NAMES.get((group, resource), ()),
                singular=names.singular or kind.lower(),
                categories=names.categories,
                subresources=("status",) if status else (),
            )
            self._meanings.learn(type_)
            self._types[key] = msgspec.structs.replace(type_, meant_by=self._meanings.meant_by(type_.name))
        return self._types[key]


@lru_cache(maxsize=1024)
def _of_kubernetes(pattern: str) -> bool:
    return any(calls(pattern, each) for each in KUBERNETES)


def _may_mean(pattern: str, type: ResourceType) -> bool:  # noqa: A002
    name, dot, qualifier = pattern.strip().lower().partition(".")
    if name == ANY or len(name) > SHORT_CHARACTERS or matches(pattern, type):
        return False
    return matches(f"{ANY}{dot}{qualifier}", type)


def _status_is_content(obj: dict[str, Any]) -> bool:
    return "status" in obj and any("f:status" in (each.get("fieldsV1") or {}) for each in entries(obj))
