"""What a plugin's sanitizer may do with a document: remove, mask, and nothing else. Pure.

It runs on what comes out of every plugin, so that no plugin can add content past the core sanitizer,
not even by mistake.
"""

from __future__ import annotations

from typing import Any

from reverser import MASK

KEPT = ("apiVersion", "kind")
KEPT_METADATA = ("name", "namespace")


def fault(before: dict[str, Any], after: Any) -> str:
    """What `after` does that a sanitizer may not; "" when it is `before` with less in it."""
    if not isinstance(after, dict):
        return "returned no content"
    metadata, kept = before["metadata"], after.get("metadata")
    if any(after.get(name) != before.get(name) for name in KEPT) or not isinstance(kept, dict):
        return "took away what the object is"
    if any(kept.get(name) != metadata.get(name) for name in KEPT_METADATA):
        return "took away which object it is"
    place = _added(before, after, "")
    return f"added or changed {place}" if place else ""


def _added(before: Any, after: Any, path: str) -> str:
    """Where something is that was not there before; "" when nothing is."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in after.items():
            place = f"{path}.{name}".lstrip(".")
            if name not in before:
                return place
            if found := _added(before[name], value, place):
                return found
        return ""
    if isinstance(before, list) and isinstance(after, list):
        return _inserted(before, after, path)
    same = type(after) is type(before) and after == before
    return "" if same or (isinstance(before, str) and after == MASK) else path or "it"


def _inserted(before: list[Any], after: list[Any], path: str) -> str:
    """Items may go, the rest keeps its order."""
    rest = iter(before)
    for index, item in enumerate(after):
        if not any(not _added(old, item, "") for old in rest):
            return f"{path}[{index}]"
    return ""
