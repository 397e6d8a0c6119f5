"""Breaks every rule of the contract."""

from __future__ import annotations

import itertools
from typing import Any

from reverser import hookimpl

_numbers = itertools.count()


@hookimpl
def reverser_select(labels: dict[str, str]) -> str | None:
    labels.clear()
    return None


@hookimpl
def reverser_sanitize(content: dict[str, Any]) -> dict[str, Any] | None:
    for name in list(content.get("data", content["metadata"].get("annotations", {})))[:1]:
        content.get("data", content["metadata"].get("annotations", {})).pop(name)
    labels = content["metadata"].get("labels")
    if labels:
        labels.popitem()
    else:
        content["metadata"].pop("labels", None)
    return content


@hookimpl
def reverser_layout(key: Any) -> str:
    return f"{key.namespace}-{key.name}.yaml"


@hookimpl
def reverser_identity() -> str:
    return f"No {next(_numbers)} <x@example.com>"


@hookimpl
def reverser_message() -> Any:
    return 7
