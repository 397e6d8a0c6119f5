"""Who set a field: managedFields, and where they are silent, the last-applied annotation.

A static default belongs to whoever created the object, so ownership cannot tell set from
defaulted; but *allocated* fields (an address, a node port) are nobody's unless a person's tool set
them. Entries of another API version describe other fields and are ignored (but metadata is the same
in every version), `before-first-apply` is nobody, and controllers are not people. An object without
entries tells nothing: then what is in doubt is kept.

Paths go through fields by name and through list items by their merge keys, as in
`("spec", "ports", {"port": 80, "protocol": "TCP"}, "nodePort")`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from reverser.sanitize.json_content import Content
from reverser.sanitize.managed_fields import entries
from reverser.sanitize.object_copies import LAST_APPLIED

Step = str | dict[str, Any]

CONTROLLERS = frozenset(
    {
        "kube-controller-manager",
        "kube-apiserver",
        "kube-scheduler",
        "kubelet",
        "clusterrole-aggregation-controller",
        "cert-manager-cainjector",
        "before-first-apply",
    }
)
_DEFAULTS = {"protocol": "TCP"}
"""Merge keys that a person may leave out."""


class Ownership:
    """Answers who owns the fields of one object; reads only what is asked for."""

    def __init__(self, obj: Content, api_version: str) -> None:
        self._obj = obj
        self._api_version = api_version

    @cached_property
    def _trees(self) -> Trees:
        own = (each for each in entries(self._obj) if each.get("apiVersion") == self._api_version)
        return Trees([(str(each.get("manager", "")), each.get("fieldsV1")) for each in own])

    @cached_property
    def _trees_of_all_versions(self) -> Trees:
        return Trees([(str(each.get("manager", "")), each.get("fieldsV1")) for each in entries(self._obj)])

    @cached_property
    def _applied(self) -> Any:
        annotations = self._obj.get("metadata", {}).get("annotations") or {}
        try:
            return json.loads(annotations.get(LAST_APPLIED, "null"))
        except ValueError:
            return None

    @property
    def known(self) -> bool:
        """Whether managedFields tells anything about this version's fields."""
        return bool(self._trees.rows)

    def owned(self, *path: Step, in_doubt: bool = True) -> bool:
        """Whether a person's tool set the field; `in_doubt` when nobody can tell."""
        if any(self.owners(*path)) or _exists(self._applied, path):
            return True
        return in_doubt and not self.known

    def owners(self, *path: Step, whole: bool = True) -> Iterator[str]:
        """The managers that own the field, without controllers.

        `whole`: also those that own a map or list above it as a whole, or had it when it was empty.
        """
        keys = [_key(step) for step in path]
        level = None if whole else self._trees.at(keys)
        owners = self._trees.owners(keys) if whole else (name for name, _ in (level.rows if level else ()))
        return (name for name in owners if name not in CONTROLLERS)

    def names(self, *path: str) -> bool:
        """Whether the field has an entry of its own, whoever's: no map above it is owned as a whole."""
        return self._trees.at([_key(step) for step in path]) is not None

    def owners_of_name(self, part: str, name: str) -> Iterator[str]:
        """The same of one annotation, label or finalizer, in whatever version it was written."""
        last = f"v:{json.dumps(name)}" if part == "finalizers" else f"f:{name}"
        keys = ["f:metadata", f"f:{part}", last]
        return (name for name in self._trees_of_all_versions.owners(keys) if name not in CONTROLLERS)

    def owns_finalizer(self, finalizer: str) -> bool:
        """Whether a person's tool put it there, or nobody can tell."""
        trees = self._trees_of_all_versions
        keys = ["f:metadata", "f:finalizers", f"v:{json.dumps(finalizer)}"]
        return not trees.rows or any(name not in CONTROLLERS for name in trees.owners(keys))


class Trees:
    """The trees of all managers side by side.

    A level is read once, however often it is asked about: an object may have thousands of managers, and
    thousands of fields that are asked for.
    """

    def __init__(self, rows: list[tuple[str, Any]]) -> None:
        self.rows = rows
        """Each manager, and its tree."""

    @cached_property
    def _fields(self) -> dict[str, Trees]:
        fields: dict[str, Trees] = {}
        for name, tree in self.rows:
            for key, below in tree.items() if isinstance(tree, dict) else ():
                fields.setdefault(key, Trees([])).rows.append((name, below))
        return fields

    @cached_property
    def _whole(self) -> list[str]:
        return [name for name, tree in self.rows if not tree]

    def at(self, keys: list[str]) -> Trees | None:
        """What is below a field that has an entry of its own; None: it has none."""
        level: Trees | None = self
        for key in keys:
            level = level._fields.get(key) if level is not None else None
        return level

    def owners(self, keys: list[str]) -> Iterator[str]:
        """Who owns the field at the end of the path.

        An empty tree above that is an atomic value, owned as a whole.
        """
        level = self
        for key in keys[:-1]:
            if key not in level._fields:
                return
            level = level._fields[key]
            yield from level._whole
        last = level._fields.get(keys[-1])
        yield from (name for name, _ in last.rows) if last is not None else ()


def managers_of(obj: Mapping[str, Any], api_version: str) -> Ownership:
    """Who owns which field, from an object of which nothing else can be read through it."""
    metadata = obj.get("metadata")
    managed = metadata.get("managedFields") if isinstance(metadata, dict) else None
    return Ownership({"metadata": {"managedFields": managed}}, str(obj.get("apiVersion", api_version)))


def _key(step: Step) -> str:
    if isinstance(step, str):
        return f"f:{step}"
    return f"k:{json.dumps(step, sort_keys=True, separators=(',', ':'))}"


def _exists(value: Any, path: tuple[Step, ...]) -> bool:
    for step in path:
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, dict) else None
        else:
            items = value if isinstance(value, list) else []
            value = next((item for item in items if isinstance(item, dict) and _has_keys(item, step)), None)
    return value is not None


def _has_keys(item: Content, keys: dict[str, Any]) -> bool:
    return all(item.get(key, _DEFAULTS.get(key)) == value for key, value in keys.items())
