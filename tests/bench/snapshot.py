"""First snapshot of 10,000 objects of a real API server, and the memory that the daemon has then."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from tests.bench.cluster import fill
from tests.bench.options import Options, say
from tests.bench.result import Row, at_most, spread
from tests.bench.size import landed
from tests.e2e.daemon import Daemon
from tests.e2e.remote import Remote
from tests.e2e.servers import ControlPlane

GOAL_SECONDS = 9
GOAL_MIB = 150
TURNS = 3


def measure(options: Options) -> list[Row]:
    """Medians of a few daemons, each with an empty data directory and an empty remote."""
    size = 1000 if options.quick else 10_000
    with ControlPlane.start(options.folder / "plane", controllers=False) as plane:
        say(f"snapshot: creating {size:,} objects")
        fill(plane, 0, size)
        turns = [_turn(options.folder / f"turn-{turn}", plane, size) for turn in range(TURNS)]
    seconds, own, highest, children = (list(values) for values in zip(*turns, strict=True))
    return [
        at_most(
            f"daemon start to pushed snapshot, {size:,} objects",
            statistics.median(seconds),
            GOAL_SECONDS,
            "s",
        ),
        at_most(f"resident memory after it, {size:,} objects", statistics.median(own), GOAL_MIB, "MiB", 0),
        Row("its highest until then", f"{spread(highest)} MiB"),
        Row("its git fast-import child", f"{spread(children)} MiB"),
    ]


def _turn(folder: Path, plane: ControlPlane, size: int) -> tuple[float, float, float, float]:
    """(seconds until the remote has every object, then MiB: resident, highest resident, children)."""
    folder.mkdir()
    remote = Remote(folder / "remote.git")
    with Daemon(folder / "daemon", plane.kubeconfig(), remote.url) as daemon:
        began = time.perf_counter()
        landed(remote, size)
        seconds = time.perf_counter() - began
        daemon.ready()
        assert daemon.process is not None
        pid = daemon.process.pid
        memory = (
            _mib(pid, "VmRSS"),
            _mib(pid, "VmHWM"),
            sum(_mib(child, "VmRSS") for child in _children(pid)),
        )
        daemon.stop()
    say(f"snapshot: {seconds:.1f} s, {memory[0]:.0f} MiB")
    return (seconds, *memory)


def _mib(pid: int, what: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _children(pid: int) -> list[int]:
    task = Path(f"/proc/{pid}/task")
    return [int(child) for thread in task.iterdir() for child in (thread / "children").read_text().split()]
