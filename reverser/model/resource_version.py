"""What resourceVersions tell: which of two is the older one, where that can be told at all."""

from __future__ import annotations

NO_VERSION = ("", "0")
"""Aggregated servers may serve "0" for everything, which tells nothing apart."""


def number(version: str) -> int | None:
    """A version as a number, where it is one: versions of one object may then be put in order."""
    return int(version) if version.isascii() and version.isdigit() and len(version) <= 20 else None
