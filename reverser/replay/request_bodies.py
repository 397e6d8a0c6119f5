"""Bodies of requests: the object, and what a patch means."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from reverser.attribution.payloads import read_or
from reverser.model.resource import BUILTIN_GROUPS, ResourceType


def object_of(body: msgspec.Raw) -> dict[str, Any] | None:
    """The object in a body; None when there is none."""
    found: Any = read_or(body, Any, None)
    return found if isinstance(found, dict) else None


def merges(body: dict[str, Any], type: ResourceType) -> bool:  # noqa: A002
    """Whether a patch means the same as a JSON merge patch, whatever patch it was.

    A log does not tell which kind. An apply names the type that it is of. A strategic merge differs
    in lists and in keys with a dollar, and custom types know none.
    """
    if "apiVersion" in body and "kind" in body:
        return False
    return type.group not in BUILTIN_GROUPS or not any(_strategic(body))


def _strategic(value: Any) -> Iterator[bool]:
    if isinstance(value, list):
        yield True
    elif isinstance(value, dict):
        for key, item in value.items():
            yield key.startswith("$")
            yield from _strategic(item)
