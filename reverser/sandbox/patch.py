"""What a strategic merge patch makes of an object, approximately.

The real strategic merge reads each list's merge key from the type's schema. Here a list is merged
by `name` when every item on both sides has one, else replaced. That is right for containers,
volumes, environment variables and named ports, which is what people patch.
"""

from __future__ import annotations

from typing import Any

MERGE_KEY = "name"


def strategic(target: Any, patch: Any) -> Any:
    """As a merge patch, but lists of named items merge by name; knows `$patch: delete` and `replace`."""
    if not isinstance(patch, dict):
        return patch
    if patch.get("$patch") == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if key.startswith("$"):
            continue
        if value is None:
            result.pop(key, None)
        elif isinstance(value, list):
            result[key] = _items(result.get(key), value)
        else:
            result[key] = strategic(result.get(key), value)
    return result


def named(items: Any) -> bool:
    """Whether this is a list whose items can be told apart by name."""
    return isinstance(items, list) and all(isinstance(item, dict) and MERGE_KEY in item for item in items)


def _items(target: Any, patch: list[Any]) -> list[Any]:
    if not named(target) or not named(patch):
        return patch
    result = {item[MERGE_KEY]: item for item in target}
    for item in patch:
        if item.get("$patch") == "delete":
            result.pop(item[MERGE_KEY], None)
        else:
            result[item[MERGE_KEY]] = strategic(result.get(item[MERGE_KEY]), item)
    return list(result.values())
