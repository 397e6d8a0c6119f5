"""Two replicas with the default Lease, 10,000 objects: seconds until the other one has made the next commit.

After a planned stop the old leader drains and releases the Lease; after kill -9 the Lease has to expire. The
replica that ended starts again and follows before the next turn.
"""

from __future__ import annotations

import itertools
import signal
import time

from tests.bench import ref
from tests.bench.cluster import change, fill
from tests.bench.options import Options, say
from tests.bench.result import Row, at_most, spread
from tests.bench.size import landed
from tests.e2e.daemon import Daemon, wait_for
from tests.e2e.remote import Remote
from tests.e2e.servers import ControlPlane

LEASE_SECONDS = 15
GOAL_CRASH_SECONDS = LEASE_SECONDS + 5
GOAL_PLANNED_SECONDS = 3
TURNS = 3
NAMES = ("one", "two")
TAKEOVER_SECONDS = 120.0


def measure(options: Options) -> list[Row]:
    """The slowest turn of each kind."""
    size = 1000 if options.quick else 10_000
    with ControlPlane.start(options.folder / "plane", controllers=False) as plane:
        say(f"takeover: creating {size:,} objects")
        fill(plane, 0, size)
        plane.create("/api/v1/namespaces", {"metadata": {"name": "reverser"}})
        pair = _Pair(plane, options, size)
        try:
            planned = [pair.turn(signal.SIGTERM) for _ in range(TURNS)]
            crashed = [pair.turn(signal.SIGKILL) for _ in range(TURNS)]
        finally:
            pair.kill()
    return [
        _row(f"takeover after a planned stop, {size:,} objects", planned, GOAL_PLANNED_SECONDS),
        _row(f"takeover after kill -9, {size:,} objects", crashed, GOAL_CRASH_SECONDS),
    ]


def _row(name: str, seconds: list[float], goal: float) -> Row:
    return at_most(name, max(seconds), goal, "s", shown=f"{spread(seconds, 1)} s")


class _Pair:
    """Two replicas, of which the first leads."""

    def __init__(self, plane: ControlPlane, options: Options, size: int) -> None:
        self._plane = plane
        self._remote = Remote(options.folder / "remote.git")
        self._revisions = itertools.count(1)
        self._daemons = [self._daemon(options, name) for name in NAMES]
        self._daemons[0].start()
        landed(self._remote, size)
        self._daemons[1].start().ready()

    def _daemon(self, options: Options, name: str) -> Daemon:
        leader = {"namespace": "reverser", "identity": name, "lease_seconds": LEASE_SECONDS}
        destinations = [{"name": "live", "url": self._remote.url}]
        config = self._plane.kubeconfig()
        return Daemon(
            options.folder / name, config, self._remote.url, leader=leader, destinations=destinations
        )

    def turn(self, number: int) -> float:
        """End the leader by a signal; seconds until the other replica has committed a change."""
        leader, follower = self._daemons
        assert leader.process is not None
        wait_for("the leader", lambda: leader.metric("gitopsreverser_leader") == 1, TAKEOVER_SECONDS)
        self._change()
        ended = time.perf_counter()
        leader.signal(number)
        leader.process.wait(TAKEOVER_SECONDS)
        seconds = self._change() - ended
        say(f"takeover: {seconds:.1f} s after {signal.Signals(number).name}")
        leader.start().ready()
        self._daemons = [follower, leader]
        return seconds

    def _change(self) -> float:
        """Change one object; the moment at which the branch has the commit."""
        before = ref.read(self._remote.path)
        change(self._plane, 0, next(self._revisions))
        return ref.moved(self._remote.path, before, TAKEOVER_SECONDS)

    def kill(self) -> None:
        """End both at once."""
        for each in self._daemons:
            each.kill()
