"""What a daemon holds of memory and disk, looked at again and again, and whether it grew."""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tests.e2e.daemon import Daemon

MIB = 2**20
GROWTH = 1.25
"""The last third may be so much more than the middle one: a busy heap breathes."""
SPARE_MIB = 24
PACK_RATIO = 4
"""Our bare repository may be so many times a fresh clone, and `SPARE_MIB`: packs are joined now and then."""


class Sample(msgspec.Struct, frozen=True):
    """One look."""

    memory_mib: float
    """Resident."""
    journal_mib: float
    """The journal's files."""
    repository_mib: float
    """All bare repositories."""


def look(daemon: Daemon) -> Sample:
    """What it holds now."""
    assert daemon.process is not None
    pages = int(Path(f"/proc/{daemon.process.pid}/statm").read_text().split()[1])
    data = daemon.folder / "data"
    all_mib = size_mib(data)
    journal = sum(path.stat().st_size for path in data.glob("journal*") if path.is_file()) / MIB
    return Sample(pages * os.sysconf("SC_PAGE_SIZE") / MIB, journal, all_mib - journal)


def grown(name: str, samples: Sequence[Sample], clone_mib: float) -> list[str]:
    """What grew without an end, in words."""
    if len(samples) < 9:
        return []
    third = len(samples) // 3
    found = []
    for what in ("memory_mib", "journal_mib"):
        middle, last = (
            statistics.median(getattr(each, what) for each in part)
            for part in (samples[third : 2 * third], samples[-third:])
        )
        if last > middle * GROWTH + SPARE_MIB:
            found.append(f"{name}: {what} grew from {middle:.0f} to {last:.0f}")
    if samples[-1].repository_mib > PACK_RATIO * clone_mib + SPARE_MIB:
        found.append(
            f"{name}: its repository has {samples[-1].repository_mib:.0f} MiB, a clone {clone_mib:.0f}"
        )
    return found


def size_mib(folder: Path) -> float:
    size = 0
    for where, _, names in os.walk(folder):
        for name in names:
            try:
                size += os.lstat(Path(where, name)).st_size
            except FileNotFoundError:
                continue
    return size / MIB
