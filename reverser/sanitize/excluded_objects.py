"""Objects that are left out though their type is not: nobody declares them, something makes them.

The answer is a reason for people, told when a file goes because of it. Nothing here raises: an
object that cannot be read is not excluded but withheld by `sanitize`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reverser.model.resource import ResourceType
from reverser.sanitize.generated_objects import MADE
from reverser.sanitize.object_view import Seen

IGNORE = "gitops-reverser.io/ignore"


def exclusion(obj: Mapping[str, Any], type: ResourceType) -> str:  # noqa: A002
    """Why this object is left out; "" when it is not."""
    seen = Seen(obj)
    return _marked(seen) or _owned(seen) or _made(seen, type)


def _marked(seen: Seen) -> str:
    marked = any(names.get(IGNORE, "false") != "false" for names in (seen.annotations, seen.labels))
    return f"it is marked {IGNORE}" if marked else ""


def _owned(seen: Seen) -> str:
    references = seen.owner_references
    if references and any(isinstance(each, dict) and each.get("controller") is True for each in references):
        return "a controller owns it"
    return ""


def _made(seen: Seen, type: ResourceType) -> str:  # noqa: A002
    for applies, reason in MADE.get((type.group, type.kind), ()):
        if applies(seen):
            return reason
    return ""
