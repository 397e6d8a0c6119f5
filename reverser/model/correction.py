"""What became known of an entry's author after its commit was written."""

from __future__ import annotations

import msgspec

from reverser.model.attribution import Attribution
from reverser.model.resource import ObjectKey


class Correction(msgspec.Struct, frozen=True):
    """Another attribution than the one that the commit tells."""

    destination: str
    seq: int
    """The entry in that commit."""
    key: ObjectKey
    attribution: Attribution
