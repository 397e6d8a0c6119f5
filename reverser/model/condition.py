"""Conditions, after kstatus: what state a part of the daemon is in, for people and probes."""

from __future__ import annotations

import msgspec


class Condition(msgspec.Struct, frozen=True):
    """One statement about one subject, in the shape of a Kubernetes condition."""

    type: str
    """`Ready`, `Stalled`, `Suspicious`, `Sensitive` or `StartedOver`."""
    subject: str
    """What it is about: `destination/live`, `cluster/default`, `type/default/widgets.example.com`."""
    status: bool
    reason: str
    """One CamelCase word."""
    message: str
    """A sentence for a person, with what to do."""
