"""What the admission webhook costs: its own answers under load, and the writes of an API server.

The real daemon, as a process, with the registration that `reverser webhook install` makes. The load
comes from a process of its own (`openloop`) and from no API server, which could not write as fast.
What the webhook adds to a write is measured at the API server: the same patches, with the
registration and without it, in turns, so that both meet the same moods of the machine.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from reverser.certs.self_managed import FOLDER
from tests.bench.cluster import change, fill
from tests.bench.hostile import hostile_writes
from tests.bench.options import Options, say
from tests.bench.result import Row, at_most, percentile, spread
from tests.cli import reverser
from tests.e2e.daemon import ROOT, Daemon, wait_for
from tests.e2e.remote import Remote
from tests.e2e.servers import ControlPlane

RATES = (500, 1000)
"""A second. The goal is for the higher one."""
GOAL_MS = 10
SIZE = 200
TURNS = 5
REVIEWS = "gitopsreverser_admission_reviews_total"


def measure(options: Options) -> list[Row]:
    """Latencies of the answers, then of writes with and without the webhook."""
    with ControlPlane.start(options.folder / "plane", controllers=False) as plane:
        fill(plane, 0, SIZE)
        remote = Remote(options.folder / "remote.git")
        webhook = {"bind": "127.0.0.1:0", "tls": {"mode": "self-managed"}}
        with Daemon(options.folder / "daemon", plane.kubeconfig(), remote.url, webhook=webhook) as daemon:
            daemon.ready()
            wait_for("the snapshot", lambda: len(remote.paths()) >= SIZE, 60)
            seconds = 3 if options.quick else 10
            answers = {rate: [_answers(daemon, rate, seconds) for _ in range(TURNS)] for rate in RATES}
            changes = 20 if options.quick else 100
            without, with_ = _writes(plane, daemon, changes)
            with hostile_writes(plane):
                beside = [each for turn in range(TURNS) for each in _turn(plane, changes, 100 + turn)]
            daemon.stop()
    rows = [row for rate, turns in answers.items() for row in _answer_rows(rate, turns)]
    return [*rows, *_write_rows(without, with_), *_beside_rows(with_, beside)]


def _answers(daemon: Daemon, rate: int, seconds: float) -> list[float]:
    say(f"admission: {rate:,} reviews a second for {seconds:g} s")
    arguments = [_url(daemon).rpartition(":")[2], str(_authority(daemon)), str(rate), str(seconds)]
    command = [sys.executable, "-m", "tests.bench.openloop", *arguments]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    latencies: list[float] = json.loads(done.stdout)
    assert len(latencies) == rate * seconds
    assert daemon.metric(REVIEWS) > len(latencies)
    return latencies


def _writes(plane: ControlPlane, daemon: Daemon, changes: int) -> tuple[list[float], list[float]]:
    """Seconds of each write, (without, with) the webhook."""
    say(f"admission: {TURNS} times {changes} writes with and without the webhook")
    without, with_ = list[float](), list[float]()
    for turn in range(TURNS):
        _webhook(plane, daemon, "uninstall")
        _until(plane, daemon, called=False)
        without += _turn(plane, changes, 2 * turn)
        _webhook(plane, daemon, "install", "--url", _url(daemon))
        _until(plane, daemon, called=True)
        asked = daemon.metric(REVIEWS)
        with_ += _turn(plane, changes, 2 * turn + 1)
        assert daemon.metric(REVIEWS) >= asked + changes
    return without, with_


def _turn(plane: ControlPlane, changes: int, turn: int) -> list[float]:
    seconds = []
    for number in range(changes):
        began = time.perf_counter()
        change(plane, number % SIZE, 1000 * turn + number)
        seconds.append(time.perf_counter() - began)
    return seconds


def _until(plane: ControlPlane, daemon: Daemon, *, called: bool) -> None:
    """The API server takes a registration over, or gives it up, within a second or two."""
    revision = iter(range(10**6, 10**7))

    def settled() -> bool:
        before = daemon.metric(REVIEWS)
        change(plane, 0, next(revision))
        return (daemon.metric(REVIEWS) > before) is called

    wait_for("the registration", settled)


def _webhook(plane: ControlPlane, daemon: Daemon, *arguments: str) -> None:
    done = reverser("webhook", *arguments, "--config", daemon.config, kubeconfig=plane.kubeconfig())
    assert done.returncode == 0, done.stderr


def _url(daemon: Daemon) -> str:
    return str(daemon.logged("webhooks are served")[0]["url"])


def _authority(daemon: Daemon) -> Path:
    return daemon.folder / "data" / FOLDER / "ca.pem"


def _answer_rows(rate: int, turns: Sequence[Sequence[float]]) -> list[Row]:
    """Of each percentile the median turn, and both ends: a neighbour's moment is not the listener's."""
    name = f"admission, {rate:,} a second, 8 kB objects, TLS"
    p50s, p99s = ([percentile(turn, percent) * 1000 for turn in turns] for percent in (50, 99))
    p99 = Row(f"{name}, p99", f"{spread(p99s, 1)} ms")
    if rate == max(RATES):
        p99 = at_most(p99.name, statistics.median(p99s), GOAL_MS, "ms", shown=p99.measured)
    return [Row(f"{name}, p50", f"{spread(p50s, 1)} ms"), p99]


def _beside_rows(alone: Sequence[float], beside: Sequence[float]) -> list[Row]:
    """What a write takes longer for the large object that the daemon decides about meanwhile."""
    what = "write at the API server that the webhook sees, beside large objects of 1 MB"
    pairs = [(percent, percentile(beside, percent), percentile(alone, percent)) for percent in (50, 99)]
    return [Row(f"{what}, p{p}", f"{b * 1000:.1f} ms, {a * 1000:.1f} without them") for p, b, a in pairs]


def _write_rows(without: Sequence[float], with_: Sequence[float]) -> list[Row]:
    pairs = [(percent, percentile(without, percent), percentile(with_, percent)) for percent in (50, 99)]
    return [
        Row(
            f"write at the API server that the webhook sees, p{p}",
            f"{b * 1000:.1f} ms, {a * 1000:.1f} without",
        )
        for p, a, b in pairs
    ]
