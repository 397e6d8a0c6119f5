"""A sanitized object: the only thing that may be written."""

from __future__ import annotations

from typing import Any

import msgspec

from reverser.model.resource import ObjectKey


class Document(msgspec.Struct, frozen=True):
    """Made only by `reverser.sanitize`; safe to write, to store and to show.

    A Secret's values are already omitted or masked in it.
    """

    key: ObjectKey
    content: dict[str, Any]
    """The sanitized object, in the JSON data model."""
    insignificant: tuple[tuple[str, ...], ...] = ()
    """Field paths that are stored, but are never a reason for a commit of their own."""
    warnings: tuple[str, ...] = ()
    """What is odd about the object, for people; for example duplicate merge keys."""

    @property
    def api_version(self) -> str:
        return str(self.content.get("apiVersion", ""))

    @property
    def kind(self) -> str:
        return str(self.content.get("kind", ""))
