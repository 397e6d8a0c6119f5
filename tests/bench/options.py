"""How much to measure."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec


class Options(msgspec.Struct, frozen=True):
    """Sizes and places of one run."""

    folder: Path
    """An empty folder for everything that is made on the way."""
    quick: bool = False
    """Small sizes: to see that it works, not to quote numbers."""

    @property
    def repeat(self) -> int:
        """How often a short measurement is repeated; its median counts."""
        return 3 if self.quick else 5


def say(text: str) -> None:
    """Progress, for whoever waits."""
    sys.stderr.write(f"bench: {text}\n")
    sys.stderr.flush()
