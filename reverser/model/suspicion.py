"""A value that looks like a secret, though nobody has called it one."""

from __future__ import annotations

import msgspec


class Suspicion(msgspec.Struct, frozen=True, order=True):
    """Where in an object it is, and what it looks like. Never the value."""

    path: str
    """The field, spelt as in commit messages: `data['app.env']`, `spec.containers[web].args[1]`."""
    rule: str
    """Name of the rule that it fits: `github-token`, `named-value`."""
