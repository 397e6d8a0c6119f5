"""From the API server's answer to a write until the remote's ref has moved, beside the floor.

The real daemon, as a process, mirrors 1,000 objects of a real API server. Each change is repeated
at once on an equal repository by `floor`, so that both meet the same moods of the machine.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

from tests.bench import ref
from tests.bench.cluster import change, fill
from tests.bench.floor import Floor
from tests.bench.options import Options, say
from tests.bench.result import Row, at_most, percentile
from tests.e2e.daemon import Daemon, wait_for
from tests.e2e.remote import Remote, git
from tests.e2e.servers import ControlPlane

GOAL = 2
PAUSE_SECONDS = 0.2
"""Between changes: each one meets an idle daemon, and never the daemon's own cleaning up."""
WARM_UP = 3
"""The first changes of both sides, which are not counted."""


def measure(options: Options) -> list[Row]:
    """Median and 99th percentile of both, and how many times the floor we need."""
    size, changes = (200, 20) if options.quick else (1000, 200)
    with ControlPlane.start(options.folder / "plane", controllers=False) as plane:
        say(f"latency: {size:,} objects, {changes} changes")
        fill(plane, 0, size)
        remote = Remote(options.folder / "remote.git")
        with Daemon(options.folder / "daemon", plane.kubeconfig(), remote.url) as daemon:
            daemon.ready()
            wait_for("the snapshot", lambda: len(remote.paths()) >= size, 60)
            ours, floor = _changes(plane, remote, Floor(remote.path, options.folder), size, changes)
            daemon.stop()
    return [
        *_rows("change to remote ref", ours),
        *_rows("floor: fast-import + push", floor),
        _ratio(ours, floor),
    ]


def _changes(
    plane: ControlPlane, remote: Remote, floor: Floor, size: int, changes: int
) -> tuple[list[float], list[float]]:
    ours, floors = [], []
    numbers = random.Random(1).choices(range(size), k=WARM_UP + changes)
    for revision, number in enumerate(numbers):
        time.sleep(PAUSE_SECONDS)
        old = ref.read(remote.path)
        change(plane, number, revision)
        answered = time.perf_counter()
        ours.append(max(0.0, ref.moved(remote.path, old) - answered))
        time.sleep(PAUSE_SECONDS)
        floors.append(floor.change(*_same(remote)))
    floor.close()
    assert len(remote.commits()) == 1 + len(numbers)
    return ours[WARM_UP:], floors[WARM_UP:]


def _same(remote: Remote) -> tuple[str, bytes, bytes]:
    """(path, content, message) of the commit that has just landed."""
    path = git("-C", remote.path, "diff-tree", "--name-only", "-r", "--no-commit-id", "main").strip()
    return path, remote.show(path).encode(), remote.message().encode()


def _rows(name: str, seconds: Sequence[float]) -> list[Row]:
    return [Row(f"{name}, p{p}", f"{percentile(seconds, p) * 1000:.0f} ms") for p in (50, 99)]


def _ratio(ours: Sequence[float], floor: Sequence[float]) -> Row:
    return at_most(
        "change to remote ref, p50 in floors", percentile(ours, 50) / percentile(floor, 50), GOAL, "×"
    )
