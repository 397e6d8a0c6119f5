"""Sustained commits a second, from the line of a watch to the ref of the remote, as the branch grows.

One repository grows from size to size, so that a cost that depends on the number of files, or of
commits before, would show.
"""

from __future__ import annotations

import random
import statistics
from collections.abc import Iterable

import trio

from reverser.model.destination import Destination
from tests.bench.options import Options, say
from tests.bench.pipeline import open_pipeline
from tests.bench.result import Row, at_least
from tests.e2e.remote import Remote

GOAL = 1000


def measure(options: Options) -> list[Row]:
    """The rate at each size."""
    sizes = (200, 1000) if options.quick else (1000, 10_000, 100_000)
    return trio.run(_grow, options, sizes)


async def _grow(options: Options, sizes: Iterable[int]) -> list[Row]:
    remote, rows = Remote(options.folder / "throughput.git"), []
    changes = 500 if options.quick else 5000
    async with open_pipeline(options.folder / "throughput", Destination("live", remote.url)) as pipeline:
        for size in sizes:
            say(f"commits: growing to {size:,} files")
            await pipeline.snapshot(size)
            assert len(remote.paths()) == size, sorted(remote.paths())[:50]
            rates = []
            for turn in range(3):
                before = remote.head()
                seconds = await pipeline.live(random.Random(turn).choices(range(size), k=changes))
                assert len(remote.commits(before)) == changes
                rates.append(changes / seconds)
                say(f"commits: {rates[-1]:,.0f} a second")
            name = f"commits from watch to remote, {size:,} files"
            rows.append(at_least(name, statistics.median(rates), GOAL, "a second"))
    return rows
