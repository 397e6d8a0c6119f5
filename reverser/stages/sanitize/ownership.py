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
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from reverser.stages.managed import entries
from reverser.stages.sanitize.content import Content
from reverser.stages.sanitize.copies import LAST_APPLIED

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
    def _trees(self) -> list[tuple[str, Any]]:
        found = [each for each in entries(self._obj) if each.get("apiVersion") == self._api_version]
        return [(str(each.get("manager", "")), each.get("fieldsV1")) for each in found]

    @cached_property
    def _trees_of_all_versions(self) -> list[tuple[str, Any]]:
        return [(str(each.get("manager", "")), each.get("fieldsV1")) for each in entries(self._obj)]

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
        return bool(self._trees)

    def owned(self, *path: Step, in_doubt: bool = True) -> bool:
        """Whether a person's tool set the field; `in_doubt` when nobody can tell."""
        if any(self.owners(*path)) or _stands(self._applied, path):
            return True
        return in_doubt and not self.known

    def owners(self, *path: Step) -> Iterator[str]:
        """The managers that own the field, without controllers."""
        keys = [_key(step) for step in path]
        return (name for name, tree in self._trees if name not in CONTROLLERS and _holds(tree, keys))

    def names(self, *path: str) -> bool:
        """Whether the field has an entry of its own, whoever's: no map above it is owned as a whole."""
        keys = [f"f:{step}" for step in path]
        return any(_names(tree, keys) for _, tree in self._trees)

    def owns_finalizer(self, finalizer: str) -> bool:
        """Whether a person's tool put it there, or nobody can tell."""
        trees = self._trees_of_all_versions
        keys = ["f:metadata", "f:finalizers", f"v:{json.dumps(finalizer)}"]
        return not trees or any(name not in CONTROLLERS and _holds(tree, keys) for name, tree in trees)


def _key(step: Step) -> str:
    if isinstance(step, str):
        return f"f:{step}"
    return f"k:{json.dumps(step, sort_keys=True, separators=(',', ':'))}"


def _holds(tree: Any, keys: list[str]) -> bool:
    """An empty tree above the end of the path is an atomic value, owned as a whole."""
    for key in keys:
        if not isinstance(tree, dict) or key not in tree:
            return False
        tree = tree[key]
        if not tree:
            return True
    return True


def _names(tree: Any, keys: list[str]) -> bool:
    for key in keys:
        if not isinstance(tree, dict) or key not in tree:
            return False
        tree = tree[key]
    return True


def _stands(value: Any, path: tuple[Step, ...]) -> bool:
    for step in path:
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, dict) else None
        else:
            items = value if isinstance(value, list) else []
            value = next((item for item in items if isinstance(item, dict) and _is(item, step)), None)
    return value is not None


def _is(item: Content, keys: dict[str, Any]) -> bool:
    return all(item.get(key, _DEFAULTS.get(key)) == value for key, value in keys.items())
