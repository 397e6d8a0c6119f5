"""Who made a change, and how we know. Always present; "unresolved" is a value."""

from __future__ import annotations

import enum

import msgspec


class Evidence(enum.Enum):
    """What an attribution rests on."""

    UNRESOLVED = "unresolved"
    """Nothing tells who it was: the author is `unknown`."""


class Actor(msgspec.Struct, frozen=True):
    """A user as the API server knows it."""

    name: str


UNKNOWN = Actor("unknown")


class Attribution(msgspec.Struct, frozen=True):
    """The actor of one change and the evidence for it."""

    actor: Actor = UNKNOWN
    evidence: Evidence = Evidence.UNRESOLVED
    manager: str = ""
    """The newest field manager that is not a status writer: names a tool, not a person."""


UNRESOLVED = Attribution()
