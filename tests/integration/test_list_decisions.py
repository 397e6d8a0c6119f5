"""Large lists are decided by a second process, and nobody can tell but by the time it takes."""

from __future__ import annotations

import os
import signal
import types
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from reverser import __version__
from reverser.app import assembly
from reverser.app.assembly import Assembly
from reverser.app.decider import DeciderProcess, Setup, processors
from reverser.config import Config
from reverser.health import Health
from reverser.intake import batches as list_reading
from reverser.intake import list_decisions
from reverser.intake.batches import AHEAD
from reverser.intake.decide import decide
from reverser.intake.driver import Intake
from reverser.intake.hpa_targets import AutoscalerIndex
from reverser.intake.list_decisions import BATCH_WORTH_IT, Answers, Question
from reverser.intake.route import RouteTable, compile_routes
from reverser.journal.sqlite import open_journal
from reverser.kube.watch_events import WatchEvent, change_of, event_of, item_of
from reverser.model.change import Change, ListCompleted, ListStarted, Observation, Origin, Stream
from reverser.model.destination import Destination, Sops
from reverser.model.journal import Journal
from reverser.model.rule import Rule, SanitizeRule, SensitiveRule
from reverser.plugins import Host
from reverser.plugins.plugin import Plugin
from tests.golden.corpus import NAMES, resource_of, source
from tests.hooks import HOOKS
from tests.integration.intaking import (
    EVERYTHING,
    LIVE,
    METRICS,
    SEEN_AT,
    STREAM,
    config_map,
    entries,
    paths,
    plain,
    take,
    tree,
)
from tests.integration.second_process import second_processes

KEY = b"secret" * 5
AGE = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
DESTINATIONS = (
    Destination("full", "file:///full", suspicious="mask", secrets="mask"),
    Destination("minimal", "file:///minimal", style="minimal", layout="rest"),
    Destination("sealed", "file:///sealed", secrets="encrypt", sops=Sops(age=(AGE,)), path="below"),
)
RULES = tuple(Rule(f"to {each.name}", each.name, selector="!hidden") for each in DESTINATIONS)
SANITIZE = (SanitizeRule(("*",), strip=("metadata.annotations['example.com/seen']",)),)
SENSITIVE = (SensitiveRule(("configmaps",), keys=("*-token",)),)
SETUP = Setup(__version__, RULES, DESTINATIONS, SANITIZE, SENSITIVE, KEY, ())
MANY = 300
"""With the bounds of `eager`, several batches."""


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second process is asked from the first batch on."""
    monkeypatch.setattr(list_decisions, "WORTH_IT", 1)


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    """A real one."""
    async with open_journal(tmp_path) as opened:
        yield opened


def one(stream: Stream, obj: Mapping[str, Any], *, paged: bool = False) -> Change:
    """An object of a list, as the watch hands it on."""
    event = item_of(stream, msgspec.Raw(msgspec.json.encode(obj))) if paged else _event(obj)
    return change_of(stream, event, Origin.SNAPSHOT, SEEN_AT)


def _event(obj: Mapping[str, Any]) -> WatchEvent:
    line = msgspec.json.encode({"type": "ADDED", "object": obj})
    event = event_of(line)
    event.text = line
    return event


def _changes() -> Iterator[Change]:
    for name in NAMES:
        obj = source(name)
        stream = Stream("default", resource_of(obj))
        yield one(stream, obj)
        yield one(stream, obj, paged=True)


def _question(change: Change, *, scaled: bool = False) -> Question:
    return Question(change.stream, change.text, change.paged, change.seen_at, scaled)


@asynccontextmanager
async def _deciding(setup: Setup = SETUP) -> AsyncIterator[DeciderProcess]:
    decider = DeciderProcess(setup)
    try:
        yield decider
    finally:
        await decider.rest()


@pytest.mark.parametrize("scaled", [False, True])
async def test_the_second_process_decides_as_this_one_does(scaled: bool) -> None:
    """Of each golden object, for destinations of each kind, line or item of a page."""
    routes = RouteTable(compile_routes(RULES, DESTINATIONS, SANITIZE, KEY, HOOKS, SENSITIVE))
    changes = [*_changes()]
    async with _deciding() as decider:
        answers = await decider.ask([_question(each, scaled=scaled) for each in changes])
    assert len(answers) == len(changes) > 200
    written = 0
    for change, ours in zip(changes, answers, strict=True):
        reached = routes.of_object(change.stream, change.key.namespace)
        for route, answer in zip(reached, ours, strict=True):
            here = decide(route, change, None, scaled=scaled)
            assert answer == (None if here.withheld else here), change.key
            written += here.entry is not None
    assert written > 200


@dataclass
class Counting:
    """Counts what is asked, and can end the process before a question."""

    decider: DeciderProcess
    kill_before: int = -1
    asked: list[int] = field(default_factory=list)
    running: list[bool] = field(default_factory=list)
    answered: int = 0
    rested: int = 0
    turn: trio.Lock = field(default_factory=trio.Lock)

    async def ask(self, questions: Sequence[Question]) -> Sequence[Answers]:
        async with self.turn:
            return await self._ask(questions)

    async def _ask(self, questions: Sequence[Question]) -> Sequence[Answers]:
        self.asked.append(len(questions))
        self.running.append(bool(second_processes()))
        if len(self.asked) == self.kill_before:
            (pid,) = second_processes()
            os.kill(pid, signal.SIGKILL)
        answers = await self.decider.ask(questions)
        self.answered += len(answers)
        return answers

    async def rest(self) -> None:
        self.rested += 1
        await self.decider.rest()

    async def close(self) -> None:
        await self.decider.close()


def _list(objects: Sequence[Mapping[str, Any]], version: int = 7) -> list[Observation]:
    changes = [one(STREAM, each) for each in objects]
    return [ListStarted(STREAM), *changes, ListCompleted(STREAM, str(version), SEEN_AT)]


def _objects(value: str = "1", many: int = MANY) -> list[dict[str, Any]]:
    return [config_map(f"m{number:03}", value) for number in range(many)]


async def _taken(journal: Journal, observations: Sequence[Observation], **changes: Any) -> Counting:
    """One session with a second process."""
    setup = Setup(__version__, (EVERYTHING,), (LIVE,), (), (), journal.key, ())
    counting = Counting(DeciderProcess(setup), **changes)
    await _take(journal, observations, counting)
    return counting


async def _take(journal: Journal, observations: Sequence[Observation], counting: Counting) -> None:
    routes = compile_routes((EVERYTHING,), (LIVE,), (), journal.key, HOOKS)
    intake = Intake(
        routes, lambda stream: f"all of {stream.id}", journal, METRICS, Health(), decider=counting
    )
    send, receive = trio.open_memory_channel[Observation](len(observations))
    async with send:
        for observation in observations:
            send.send_nowait(observation)
    with trio.fail_after(60):
        await intake.run(receive)


async def _alone(folder: Path, *lists: Sequence[Observation]) -> list[Any]:
    """The entries of a session without a second process."""
    (folder / "alone").mkdir()
    async with open_journal(folder / "alone") as journal:
        for each in lists:
            await take(journal, each)
        return [plain(entry) for entry in await entries(journal)]


@pytest.mark.usefixtures("eager")
async def test_a_list_becomes_what_one_process_makes_of_it(journal: Journal, tmp_path: Path) -> None:
    """Entries and records, of the list and of one after it, and no process is left."""
    many = 1_000
    first, second = _list(_objects(many=many)), _list(_objects("2", many)[5:], 8)
    counting = await _taken(journal, first)
    assert counting.running == [False, *(len(counting.running) - 1) * [True]]
    assert many - BATCH_WORTH_IT < counting.answered == sum(counting.asked) <= many
    assert not second_processes()
    again = await _taken(journal, second)
    assert len(again.asked) <= AHEAD  # what the journal knows is decided where the record is
    made = [plain(entry) for entry in await entries(journal)]
    assert made == await _alone(tmp_path, first, second)
    assert len(await paths(journal)) == many - 5


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("before", [1, 2])
async def test_a_process_that_is_killed_costs_nothing_but_time(
    journal: Journal, tmp_path: Path, before: int
) -> None:
    """Everything is decided here from then on, and the process is not started again."""
    observations = _list(_objects())
    if before == 1:
        counting = Counting(
            DeciderProcess(Setup(__version__, (EVERYTHING,), (LIVE,), (), (), journal.key, ()))
        )
        await counting.decider.ask([])  # so that there is one to kill
        counting.kill_before = 1
        await _take(journal, observations, counting)
        assert counting.answered == 0
    else:
        counting = await _taken(journal, observations, kill_before=2)
        assert 0 < counting.answered < MANY
    assert [plain(entry) for entry in await entries(journal)] == await _alone(tmp_path, observations)
    assert not second_processes()


@pytest.mark.usefixtures("eager")
async def test_what_cannot_be_decided_elsewhere_is_told_here(journal: Journal) -> None:
    """A withheld object is withheld with the sentence that it always has, and the others are written."""
    deep: Any = "bottom"
    for _ in range(300):
        deep = {"x": deep}
    odd = {**config_map("odd", "1"), "data": deep}
    counting = await _taken(journal, _list([*_objects(), odd]))
    assert counting.answered == MANY + 1
    (withheld,) = await journal.withheld()
    assert (withheld.key.name, withheld.reason) == ("odd", "TooDeep")
    assert len(await tree(journal)) == MANY


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("sent", [True, False])
async def test_the_last_state_counts_of_an_object_that_changes_while_its_list_runs(
    journal: Journal, sent: bool
) -> None:
    """Where both states came in one batch, and also where the last one is too large to be sent."""
    first, last = (one(STREAM, config_map("m000", value)) for value in ("first", "last"))
    last = last if sent else msgspec.structs.replace(last, text=b"")
    others = [one(STREAM, each) for each in _objects()[1:100]]
    counting = await _taken(
        journal, [ListStarted(STREAM), first, last, *others, ListCompleted(STREAM, "7", SEEN_AT)]
    )
    assert counting.answered == len(others) + 1 + sent
    files = await tree(journal)
    assert b"value: last" in files[next(path for path in files if "m000" in path)]


@pytest.mark.usefixtures("eager")
async def test_a_list_that_never_ends_keeps_no_process(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is refused is tried again for days; the process ends, and comes back with the objects."""
    monkeypatch.setattr(list_reading, "IDLE_SECONDS", 0.05)
    decider = DeciderProcess(Setup(__version__, (EVERYTHING,), (LIVE,), (), (), journal.key, ()))
    counting = Counting(decider)
    routes = compile_routes((EVERYTHING,), (LIVE,), (), journal.key, HOOKS)
    intake = Intake(routes, lambda stream: stream.id, journal, METRICS, Health(), decider=counting)
    send, receive = trio.open_memory_channel[Observation](2 * MANY)
    whole = _list(_objects())
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery, send:
            nursery.start_soon(intake.run, receive)
            for each in whole[:-1]:
                await send.send(each)
            while not counting.answered or second_processes():
                await trio.sleep(0.02)
            answered = counting.answered
            for each in whole:
                await send.send(each)
    assert counting.answered > answered
    assert len(await tree(journal)) == MANY
    assert not second_processes()


async def test_a_small_cluster_has_one_process(journal: Journal) -> None:
    """Nothing is asked before lists have brought many objects."""
    counting = await _taken(journal, _list(_objects()))
    assert counting.asked == []
    assert len(await tree(journal)) == MANY


@pytest.mark.usefixtures("eager")
async def test_an_intake_that_is_cancelled_leaves_no_process(journal: Journal) -> None:
    """Nor does it wait for an answer that does not come."""
    counting = Counting(DeciderProcess(Setup(__version__, (EVERYTHING,), (LIVE,), (), (), journal.key, ())))
    await counting.decider.ask([])
    (pid,) = second_processes()
    os.kill(pid, signal.SIGSTOP)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_take, journal, _list(_objects()), counting)
        while not counting.asked:
            await trio.sleep(0.01)
        nursery.cancel_scope.cancel()
    assert counting.answered == 0
    assert not second_processes()


def test_plugins_are_asked_in_their_own_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a plugin, which would not be asked there, or on one processor there is no second process."""
    config = Config(destinations=(LIVE,), rules=(EVERYTHING,))
    plugin = Plugin("example", types.ModuleType("example"), "example.py")
    monkeypatch.setattr(assembly, "processors", lambda: 2.0)
    assert Assembly(config, KEY, Host([plugin])).decider is None
    assert Assembly(config, KEY, Host()).decider is not None
    monkeypatch.setattr(assembly, "processors", lambda: 1.0)
    assert Assembly(config, KEY, Host()).decider is None


@pytest.mark.parametrize(
    ("quota", "most"), [("max 100000", None), ("50000 100000", 0.5), ("150000 100000", 1.5), ("odd", None)]
)
def test_a_container_has_as_many_processors_as_its_limit(
    tmp_path: Path, quota: str, most: float | None
) -> None:
    """By cgroup's cpu.max; without a limit, those that the process may run on."""
    (tmp_path / "cpu.max").write_text(quota)
    allowed = len(os.sched_getaffinity(0))
    assert processors(tmp_path / "cpu.max") == (allowed if most is None else min(allowed, most))


async def test_no_answer_by_other_routes_is_taken_for_one_by_these(journal: Journal) -> None:
    """A batch was gathered before another configuration took over: nobody is asked, it is decided here."""

    class Never:
        async def ask(self, questions: Sequence[Question]) -> Sequence[Answers]:
            raise AssertionError(questions)

        async def rest(self) -> None: ...

        async def close(self) -> None: ...

    table = RouteTable(compile_routes((EVERYTHING,), (LIVE,), (), journal.key, HOOKS))
    lists = list_decisions.ListDecisions(Never(), table, AutoscalerIndex())
    batch = [one(STREAM, each) for each in _objects(many=list_decisions.WORTH_IT)]
    ahead = lists.choose(batch)
    assert ahead is not None

    await lists.adopt(Never())
    await lists.ask(ahead)

    assert ahead.about(LIVE.name, batch[0], scaled=False) is None
