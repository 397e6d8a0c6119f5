"""What people and probes are shown: states of parts of the daemon, and objects that must not be written.

A `Condition` follows kstatus. A `Withheld` object is kept, counted and shown. A `Suspicion` is a value that
looks like a secret, though nobody has called it one.
"""

from __future__ import annotations

import msgspec

from reverser.model.resource import ObjectKey


class Condition(msgspec.Struct, frozen=True):
    """One statement about one subject, in the shape of a Kubernetes condition."""

    type: str
    """`Stalled`, `Suspended`, `Suspicious`, `Sensitive`, `Bug`, `Leading` or `StartedOver`."""
    subject: str
    """What it is about: `destination/live`, `gitrepoconfig/shop/web`, `cluster/default`,
    `type/default/widgets.example.com`."""
    status: bool
    reason: str
    """One CamelCase word."""
    message: str
    """A sentence for a person, with what to do."""


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
