"""Waits for the branch of a bare repository to move, as closely as polling can tell."""

from __future__ import annotations

import time
from pathlib import Path

POLL_SECONDS = 0.0005


def read(repository: Path) -> str:
    """The branch's commit, read from the ref's own file; empty when there is none."""
    try:
        return (repository / "refs" / "heads" / "main").read_text()
    except FileNotFoundError:
        return ""


def moved(repository: Path, old: str, seconds: float = 60) -> float:
    """The moment (`perf_counter`) at which the branch is seen to be no longer at `old`."""
    deadline = time.perf_counter() + seconds
    while read(repository) == old:
        assert time.perf_counter() < deadline, f"the branch did not move within {seconds} s"
        time.sleep(POLL_SECONDS)
    return time.perf_counter()
