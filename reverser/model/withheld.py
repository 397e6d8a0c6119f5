"""An object that must not be written: kept, counted and shown."""

from __future__ import annotations

import msgspec

from reverser.model.resource import ObjectKey


class Withheld(msgspec.Struct, frozen=True):
    """One object that is left out of one destination, and why."""

    destination: str
    key: ObjectKey
    reason: str
    """One CamelCase word."""
    message: str
    """A sentence for a person; never a value of the object."""
    at: float
    """Unix seconds."""
