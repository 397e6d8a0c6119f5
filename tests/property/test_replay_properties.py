"""However the logs of several API servers are cut, mixed and repeated, each write is taken once, in order."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from reverser.model.attribution import UNRESOLVED
from reverser.model.change import Operation
from reverser.model.resource import ResourceType
from reverser.replay.known_writes import (
    NewestWrite,
    after,
    known,
    later,
    object_id_of,
    parse_trailer,
    trailer,
)
from reverser.replay.order import WriteOrder
from reverser.replay.write import Form, Write

MAPS = ResourceType("", "v1", "configmaps", "ConfigMap", True)
SECOND = 1_000_000
QUIET = 3
"""Seconds around a deletion that tells no version: nothing else puts it in its place."""

STEP = st.tuples(
    st.sampled_from("ab"),
    st.sampled_from(["update", "update", "update", "delete", "delete unversioned"]),
    st.sampled_from([0.001, 0.01, 0.3, 2.0, 700.0]),
    st.sampled_from([0.0, 0.1, 0.6, 1.0]),
)
"""(object, what, seconds since the one before, seconds by which the server's clock is off)."""


class World:
    """An API server that keeps objects, and remembers every write of them."""

    def __init__(self) -> None:
        self.writes: list[Write] = []
        self._now = 1000.0
        self._version = 10
        self._lives: dict[str, str] = {}

    def step(self, name: str, what: str, pause: float, skew: float) -> None:
        quiet = what == "delete unversioned"
        self._now += pause + (QUIET if quiet else 0)
        self._version += 1
        removed = what != "update"
        if removed and name not in self._lives:
            return
        uid = self._lives.setdefault(name, f"u{self._version}")
        if removed:
            del self._lives[name]
        at = self._now + (0 if quiet else skew)
        self.writes.append(
            Write(
                type=MAPS,
                namespace="shop",
                name=name,
                operation=Operation.DELETE if removed else Operation.UPDATE,
                form=Form.REMOVED if removed else Form.WHOLE,
                at=round(at * SECOND) + len(self.writes),
                uid=uid,
                version=0 if quiet else self._version,
                attribution=UNRESOLVED,
                audit_id=str(len(self.writes)),
            )
        )
        self._now += QUIET if quiet else 0


def merged(logs: list[list[Write]], chunk: int) -> list[Write]:
    """The logs, read as they lag behind, in order."""
    order, taken = WriteOrder[None](), list[Write]()
    reading = [list(log) for log in logs if log]
    newest = [float("-inf")] * len(reading)
    while any(reading):
        open_ = [index for index, log in enumerate(reading) if log]
        chosen = min(open_, key=lambda index: newest[index])
        lines, reading[chosen] = reading[chosen][:chunk], reading[chosen][chunk:]
        for write in lines:
            newest[chosen] = max(newest[chosen], write.at)
            order.add(write, None)
        until = min((newest[index] for index, log in enumerate(reading) if log), default=float("inf"))
        taken += [write for write, _ in order.ready(until, 1000) if isinstance(write, Write)]
    return taken


@given(
    steps=st.lists(STEP, max_size=40),
    servers=st.lists(
        st.tuples(st.integers(0, 2), st.booleans(), st.sampled_from([0.0, 0.4, 1.0])),
        min_size=40,
        max_size=40,
    ),
    chunk=st.integers(1, 7),
    killed=st.integers(0, 40),
)
def test_every_write_is_taken_once_and_in_order(
    steps: list[tuple[str, str, float, float]],
    servers: list[tuple[int, bool, float]],
    chunk: int,
    killed: int,
) -> None:
    """With logs that lag and overlap, and a journal that is lost on the way."""
    world = World()
    for step in steps:
        world.step(*step)
    logs: list[list[tuple[float, Write]]] = [[], [], []]
    for write, (server, twice, delay) in zip(world.writes, servers, strict=False):
        logs[server].append((write.at + delay * SECOND, write))
        if twice:
            logs[(server + 1) % 3].append((write.at, write))
    ordered = [[write for _, write in sorted(log, key=lambda line: line[0])] for log in logs]

    taken: list[Write] = []
    for turn in merged(ordered, chunk)[:killed], merged(ordered, chunk):
        seen: dict[str, NewestWrite] = {}
        for told in taken:
            parsed = parse_trailer(trailer(told, "ConfigMap"))
            assert parsed is not None
            seen[parsed[0]] = later(seen.get(parsed[0]), parsed[2])
        for write in turn:
            place = object_id_of(write)
            if not known(seen.get(place), write):
                seen[place] = after(seen.get(place), write)
                taken.append(write)

    wanted, found = defaultdict(list), defaultdict(list)
    for write in world.writes:
        wanted[write.name].append(write.audit_id)
    for write in taken:
        found[write.name].append(write.audit_id)
    assert found == wanted
