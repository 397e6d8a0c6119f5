"""What one change means for one destination: an entry for Git with the record that goes with it, an
object to withhold, or nothing.
"""

from __future__ import annotations

import hashlib
from typing import Literal, TypeAlias

import msgspec

from reverser.errors import WithheldError
from reverser.model.entry import Edit, Entry, Record
from reverser.model.resource import ObjectKey
from reverser.model.sealed import Clear, Sealed
from reverser.model.withheld import Suspicion, Withheld

Result: TypeAlias = Literal["written", "removed", "unchanged", "unselected", "excluded", "withheld"]


class Decision(msgspec.Struct, frozen=True):
    """What one change means for one destination."""

    result: Result
    entry: Entry | None = None
    record: Record | None = None
    """Replaces what the journal knows of the object; None leaves it as it is."""
    forget: bool = False
    """The object has no file any more."""
    withheld: Withheld | None = None
    suspicions: tuple[Suspicion, ...] | None = None
    """What in the file looks like a secret; None: whatever was known of it still holds."""
    clear: Clear | None = None
    """What `encrypted` makes the file of; until then entry and record hold the values as digests."""


def withhold(destination: str, key: ObjectKey, error: WithheldError, at: float) -> Decision:
    """The object is withheld, for the reason of the error."""
    return Decision("withheld", withheld=Withheld(destination, key, error.reason, error.message, at))


def digest(content: bytes, key: bytes) -> bytes:
    """Keyed, since content may be worth guessing at."""
    return hashlib.blake2b(content, key=key, digest_size=16).digest()


def encrypted(decision: Decision, file: bytes, key: bytes) -> Decision:
    """The decision with the encrypted file in place of the values."""
    entry, record = decision.entry, decision.record
    if entry is None or record is None or record.sealed is None:
        return decision
    entry = msgspec.structs.replace(entry, edit=Edit(entry.edit.path, file))
    sealed = Sealed(record.sealed.fingerprint, file)
    record = msgspec.structs.replace(record, digest=digest(file, key), sealed=sealed)
    return msgspec.structs.replace(decision, entry=entry, record=record, clear=None)
