"""A reference to a secret value: resolved at each use, so that rotation needs no restart."""

from __future__ import annotations

import msgspec


class SecretRef(msgspec.Struct, frozen=True):
    """Exactly one of the three is set. `repr` never shows a value."""

    value: str = ""
    """A literal, with `${ENV}` already expanded."""
    file: str = ""
    """A file to read at each use; one trailing newline is dropped."""
    env: str = ""
    """An environment variable to read at each use."""

    def __repr__(self) -> str:
        source = f"file={self.file!r}" if self.file else f"env={self.env!r}" if self.env else "value=…"
        return f"SecretRef({source})"
