"""JSON merge patches (RFC 7396): which patches are one in their effect, and how one is applied."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reverser.model.resource import BUILTIN_GROUPS, ResourceType


def merge_patch(target: Any, patch: Any) -> Any:
    """The target with the patch applied: null removes, objects merge, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge_patch(result.get(key), value)
    return result


def acts_as_merge_patch(patch: dict[str, Any], type: ResourceType) -> bool:  # noqa: A002
    """Whether a patch of an unknown kind has the effect of a merge patch, whatever kind it was.

    An apply names the type of its object. A strategic merge patch differs in lists and in keys with a
    dollar, and custom types know none.
    """
    if "apiVersion" in patch and "kind" in patch:
        return False
    return type.group not in BUILTIN_GROUPS or not any(_strategic(patch))


def _strategic(value: Any) -> Iterator[bool]:
    if isinstance(value, list):
        yield True
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key.startswith("$")
            yield from _strategic(item)
