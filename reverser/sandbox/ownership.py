"""managedFields: which manager set which field, as `FieldsV1` trees.

A tree has a key for each field (`f:replicas`) or named list item (`k:{"name":"web"}`) and is empty
at a leaf. A writer takes over the fields whose values it changed; an applier owns all that it
applied, and what it no longer applies and nobody else owns goes away.
"""

from __future__ import annotations

import json
from typing import Any

from reverser.manifest.equality import same
from reverser.sandbox.patch import MERGE_KEY, named

Tree = dict[str, Any]

_SERVER_FIELDS = frozenset(
    {
        "name",
        "namespace",
        "uid",
        "resourceVersion",
        "generation",
        "creationTimestamp",
        "managedFields",
        "selfLink",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    }
)


def fields(content: dict[str, Any], before: dict[str, Any]) -> Tree:
    """The leaves of `content` that differ from `before`; the server's own fields are nobody's."""
    tree = _changed(_ownable(content), _ownable(before))
    return tree if isinstance(tree, dict) else {}


def union(first: Tree, second: Tree) -> Tree:
    """The fields of both."""
    result = dict(first)
    for key, value in second.items():
        result[key] = union(result.get(key, {}), value)
    return result


def minus(first: Tree, second: Tree) -> Tree:
    """The leaves of `first` that are not in `second`."""
    result: Tree = {}
    for key, value in first.items():
        if key not in second:
            result[key] = value
        elif value and second[key] and (rest := minus(value, second[key])):
            result[key] = rest
    return result


def present(tree: Tree, content: Any) -> Tree:
    """The leaves of `tree` that `content` has."""
    children = _children(content)
    result: Tree = {}
    for key, value in tree.items():
        if key not in children:
            continue
        rest = present(value, children[key]) if value else {}
        if rest or not value:
            result[key] = rest
    return result


def without(content: Any, tree: Tree) -> Any:
    """`content` without the leaves of `tree`."""
    if isinstance(content, list):
        rows = ((item, tree.get(_item_key(item))) for item in content)
        return [item if sub is None else without(item, sub) for item, sub in rows if sub != {}]
    result = {}
    for key, value in content.items():
        sub = tree.get(f"f:{key}")
        if sub is None:
            result[key] = value
        elif sub and (rest := without(value, sub)):
            result[key] = rest
    return result


def _ownable(content: dict[str, Any]) -> dict[str, Any]:
    metadata = {k: v for k, v in content.get("metadata", {}).items() if k not in _SERVER_FIELDS}
    return {**content, "metadata": metadata}


def _changed(value: Any, before: Any) -> Tree | None:
    """None: unchanged; an empty tree: a changed leaf."""
    if same(value, before):
        return None
    children, old = _children(value), _children(before)
    if not children:
        return {}
    trees = ((key, _changed(child, old.get(key))) for key, child in children.items())
    return {key: tree for key, tree in trees if tree is not None} or None


def _children(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return {f"f:{key}": child for key, child in value.items() if child != {} or key != "metadata"}
    if value and named(value):
        return {_item_key(item): item for item in value}
    return {}


def _item_key(item: Any) -> str:
    return "k:" + json.dumps({MERGE_KEY: item.get(MERGE_KEY)}, separators=(",", ":"))
