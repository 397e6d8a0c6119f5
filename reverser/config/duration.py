"""Durations as people write them in the configuration: `0s`, `500ms`, `1m30s`, `2h`."""

from __future__ import annotations

import re

_PARTS = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?", re.ASCII)
_SECONDS = (3600, 60, 1, 0.001)


def parse(text: str) -> float:
    """The duration in seconds. Raises ValueError for anything but hours, minutes, seconds, milliseconds."""
    found = _PARTS.fullmatch(text.strip())
    if not found or not any(found.groups()):
        raise ValueError(f"{text!r} is not a duration; write it like 500ms, 5s, 1m30s or 2h")
    return sum(int(part) * unit for part, unit in zip(found.groups(), _SECONDS, strict=True) if part)
