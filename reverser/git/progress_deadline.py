"""A deadline for making no progress, in place of one for the whole.

A first push of gigabytes over a slow line takes as long as it takes; a command that neither reads nor
prints anything hangs. For the commands that speak to a remote git is asked to tell its progress, which is
taken out of what they say before anybody reads it.
"""

from __future__ import annotations

import re

import trio

_TOLD = re.compile(
    r"(remote: *)?((Enumerating|Counting|Compressing|Writing|Receiving|Unpacking|Resolving|Checking|Updating)"
    r" (objects|deltas|connectivity|files|references): .*|Total \d+ \(delta .*|Delta compression using .*)"
)


class Patience:
    """Ends `scope` when nothing has progressed for so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.scope = trio.CancelScope(deadline=trio.current_time() + seconds)

    def progressed(self) -> None:
        """Put the end off."""
        self.scope.deadline = trio.current_time() + self._seconds


def without_progress(stderr: str) -> str:
    """What a command said beside its progress; lines that it has overwritten are gone."""
    lines = (line.rstrip() for line in re.split(r"[\r\n]+", stderr))
    return "".join(f"{line}\n" for line in lines if line and not _TOLD.fullmatch(line))
