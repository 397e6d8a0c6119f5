"""Leaves out events whose changes are in the branch already: those that come a second time after a takeover.

A leader that takes over without the journal of the one before goes on from a checkpoint, and finds in the
branch which version of an object was written last (`writer.resumption`). Older events are old news. The one
of exactly that version is decided like any other: where the branch has what it says, nothing becomes of it.

Whoever may push to the branch may claim any version. So an object of which events were left out, and whose
claimed version never came, is doubtful: its type is listed after a while.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from reverser.model.journal import LANDED, object_text
from reverser.model.resource import ObjectKey, number
from reverser.unexpected_errors import left_out


class LandedVersions:
    """By destination and object, the version that the branch had."""

    def __init__(self) -> None:
        self._versions: dict[tuple[str, str], int] = {}
        self._passed_over: dict[tuple[str, str], ObjectKey] = {}

    def recall(self, settings: Mapping[str, str]) -> None:
        """Take over what is stored under `LANDED`."""
        for name, text in settings.items():
            with left_out("journal", name):
                destination = name.removeprefix(LANDED)
                stored = msgspec.json.decode(text, type=dict[str, int]) if text else {}
                self._versions |= {(destination, key): version for key, version in stored.items()}

    def has(self, destination: str, key: ObjectKey, version: str) -> bool:
        """Whether an event of this version is older than what the branch has."""
        if not self._versions:
            return False
        where, value = (destination, object_text(key)), number(version)
        newest = self._versions.get(where)
        if newest is None or value is None:
            return False
        if value >= newest:
            self._passed_over.pop(where, None)
            del self._versions[where]
            return False
        self._passed_over[where] = key
        return True

    def forget(self) -> dict[str, str]:
        """Versions mean nothing any more; the settings that say so."""
        names = {destination for destination, _ in self._versions}
        self._versions.clear()
        self._passed_over.clear()
        return {f"{LANDED}{name}": "" for name in names}

    def doubtful(self) -> list[ObjectKey]:
        """Objects of which events were left out, and whose newest version never came; forgets them."""
        doubtful = [*self._passed_over.values()]
        for where in self._passed_over:
            self._versions.pop(where, None)
        self._passed_over.clear()
        return doubtful
