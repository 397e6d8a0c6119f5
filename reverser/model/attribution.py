"""Who made a change, and how we know. Always present; "unresolved" is a value.

A `Correction` is what became known of an entry's author after its commit was written.
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Mapping, Sequence

import msgspec

from reverser.model.resource import ObjectKey

GROUPS = 64
EXTRAS = 16
VALUES = 8
CHARACTERS = 1024
"""Bounds of what is kept of one user: real users stay far below, hostile ones cost little."""

CREDENTIAL = "authentication.kubernetes.io/"
"""Prefix of the extra keys that tell of a token and its pod: they change from request to request."""


class Evidence(enum.Enum):
    """What an attribution rests on, strongest first."""

    AUDIT = "audit"
    """An audited response carries this very version of the object."""
    ADMISSION = "admission"
    """Exactly this content was asked for on exactly the version before, by this actor alone."""
    ADMISSION_KEY = "admission-key"
    """A request of this actor alone met the version before; its content could not be compared."""
    AUDIT_COLLECTION = "audit-collection"
    """The object is among those that an audited `deletecollection` removed."""
    MANAGER = "manager"
    """Only the field manager is known: it names a tool, the author is `unknown`."""
    AMBIGUOUS = "ambiguous"
    """Several actors could have done it; they are named, the author is `unknown`."""
    UNRESOLVED = "unresolved"
    """Nothing tells who it was: the author is `unknown`."""


class Actor(msgspec.Struct, frozen=True, gc=False):
    """A user as the API server knows it."""

    name: str
    groups: tuple[str, ...] = ()
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """What the authenticator added: key and values, in the order of the keys."""

    @classmethod
    def of(
        cls, name: str, groups: Sequence[str] = (), extra: Mapping[str, Sequence[str]] | None = None
    ) -> Actor:
        """An actor of bounded size, equal for every request of the same user."""
        keys = sorted(key for key in extra or {} if not key.startswith(CREDENTIAL))[:EXTRAS]
        pairs = ((bounded(key), _few((extra or {})[key], VALUES)) for key in keys)
        return cls(bounded(name), _few(sorted(groups), GROUPS), tuple(pairs))


UNKNOWN = Actor("unknown")


class Attribution(msgspec.Struct, frozen=True):
    """The actor of one change and the evidence for it."""

    actor: Actor = UNKNOWN
    evidence: Evidence = Evidence.UNRESOLVED
    manager: str = ""
    """The newest field manager that is not a status writer: names a tool, not a person."""
    impersonator: str = ""
    """Who acted in the actor's name, where audit knows it."""
    user_agent: str = ""
    """A hint of the client, as it called itself."""
    candidates: tuple[str, ...] = ()
    """The users who could have done it, when it is ambiguous; while a change waits, also those whom admission
    leaves possible and cannot name."""
    caused_by: str = ""
    """Of a cascade: the deletion that led to this one, for example `bob deleted namespace shop`."""

    @property
    def named(self) -> bool:
        """Whether the evidence names the actor."""
        return self.evidence not in (Evidence.MANAGER, Evidence.AMBIGUOUS, Evidence.UNRESOLVED)


UNRESOLVED = Attribution()


def bounded(text: str) -> str:
    """The text itself; of a very long one its beginning and a digest, so that two never become one."""
    if len(text) <= CHARACTERS:
        return text
    return f"{text[:CHARACTERS]}…{hashlib.blake2b(text.encode(errors='replace'), digest_size=16).hexdigest()}"


def _few(values: Sequence[str], most: int) -> tuple[str, ...]:
    return tuple(bounded(value) for value in values[:most])


class Correction(msgspec.Struct, frozen=True):
    """Another attribution than the one that the commit tells."""

    destination: str
    seq: int
    """The entry in that commit."""
    key: ObjectKey
    attribution: Attribution
