"""An object that must not be written: kept, counted and shown.

A `Suspicion` is a value that looks like a secret, though nobody has called it one.
"""

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


class Suspicion(msgspec.Struct, frozen=True, order=True):
    """Where in an object it is, and what it looks like. Never the value."""

    path: str
    """The field, spelt as in commit messages: `data['app.env']`, `spec.containers[web].args[1]`."""
    rule: str
    """Name of the rule that it fits: `github-token`, `named-value`."""
