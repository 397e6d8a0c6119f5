"""The longest time that one object of 1.5 MB holds the event loop, and its whole way, for every shape.

The real intake with a real journal takes the line of a watch, the object as it was and as it is, while a
task beside it asks for its turn all the time. What it waits at most is what an answer to the API server
would have waited. It is counted in processor time of the process, all of its threads, so that what the
machine does beside it does not count. A shape over the goal is tried again: the speed of a shared machine
changes from second to second, and the best of three counts. Python's own collection of garbage runs as in
the daemon.
"""

from __future__ import annotations

import math
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import trio

from reverser.attribution.attributor import Attributor
from reverser.attribution.fact_index import Facts
from reverser.cli.run import SWITCH_SECONDS
from reverser.garbage_collector import freeze_gc
from reverser.health import Health
from reverser.intake.driver import Intake
from reverser.intake.route import compile_routes
from reverser.journal.retrying import RetryingJournal
from reverser.journal.sqlite import open_journal
from reverser.kube.watch_events import change_of, read
from reverser.metrics import Metrics
from reverser.model.change import Observation, Origin, Stream
from reverser.model.destination import Destination
from reverser.model.rule import Rule
from tests.bench.options import Options, say
from tests.bench.result import Row, at_most
from tests.bench.shapes import Pair, shapes
from tests.hooks import HOOKS

SIZE = 1_500_000
GOAL_MS = 50
TRIES = 3
METRICS = Metrics()


def measure(options: Options) -> list[Row]:
    """The worst of all shapes, and how long the slowest one takes altogether."""
    found = {}
    freeze_gc()
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        for number, (name, pair) in enumerate(shapes(SIZE // 10 if options.quick else SIZE)):
            found[name] = _best(options.folder / str(number), pair)
            say(f"large: {name} holds {found[name][0] * 1000:.0f} ms of {found[name][1]:.2f} s")
    finally:
        sys.setswitchinterval(before)
    name, (held, _) = max(found.items(), key=lambda each: each[1][0])
    slowest, (_, whole) = max(found.items(), key=lambda each: each[1][1])
    title = f"longest hold of the event loop by one object, 1.5 MB, worst of {len(found)} shapes"
    shown = f"{held * 1000:.0f} ms ({name})"
    return [
        at_most(title, held * 1000, GOAL_MS, "ms", shown=shown),
        Row("its whole way to the journal, processor time, slowest shape", f"{whole:.1f} s ({slowest})"),
    ]


def _best(folder: Path, pair: Pair) -> tuple[float, float]:
    """What `_held` says; tried up to three times while it is over the goal, and the least counts."""
    tries = list[tuple[float, float]]()
    while len(tries) < TRIES and min(tries, default=(math.inf, 0.0))[0] * 1000 > GOAL_MS:
        place = folder / str(len(tries))
        place.mkdir(parents=True)
        tries.append(trio.run(_held, Options(place), pair))
    return min(tries)


async def _held(options: Options, pair: Pair) -> tuple[float, float]:
    """(longest wait for a turn, time of the change's whole way)"""
    resource, *objects = pair
    stream = Stream("default", resource)
    lines = [msgspec.json.encode({"type": "MODIFIED", "object": each}) for each in objects]
    async with open_journal(options.folder) as journal:
        destinations = [Destination("live", "file:///live", secrets="mask")]
        routes = compile_routes([Rule("everything", "live")], destinations, (), journal.key, HOOKS)
        health = Health()
        attributor = Attributor(Facts(), journal.key, RetryingJournal(journal, health), METRICS, time.time)
        intake = Intake(routes, lambda stream: stream.id, journal, METRICS, health, attributor)
        await _take(intake, stream, lines[0])
        turns = list[float]()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_turn, turns)
            began = time.process_time()
            await _take(intake, stream, lines[1])
            taken = time.process_time() - began
            nursery.cancel_scope.cancel()
    return max(later - earlier for earlier, later in pairwise(turns)), taken


async def _take(intake: Intake, stream: Stream, line: bytes) -> None:
    send, receive = trio.open_memory_channel[Observation](1)
    async with send:
        change: Any = change_of(stream, await read(line), Origin.LIVE, time.time())
        send.send_nowait(change)
    await intake.run(receive)


async def _turn(turns: list[float]) -> None:
    while True:
        turns.append(time.process_time())
        await trio.sleep(0.0005)
