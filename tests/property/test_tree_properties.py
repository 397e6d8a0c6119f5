"""Whatever happens in which order: the entries make the tree that the API server's last state asks for."""

from __future__ import annotations

import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, cast

import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from reverser.journal.sqlite import open_journal
from reverser.manifest.emitter import render
from reverser.model.change import Change, ListCompleted, ListStarted, Observation, Progress
from reverser.model.entry import Append, Entry
from reverser.model.journal import Journal
from tests.integration.intaking import STREAM, config_map, entries, listed, live, paths, plain, take, tree

TERMINATED = "2026-01-02T03:04:05Z"
NAMES = "abc"
ACTION = st.tuples(
    st.sampled_from(NAMES),
    st.sampled_from(["set", "set", "set", "noise", "ignore", "break", "terminate", "delete"]),
    st.integers(0, 2),
)
ACTIONS = st.lists(ACTION, max_size=25)
RUN = settings(max_examples=40, deadline=None)


class Server:
    """One API server: what it holds at each version, and the events that led there."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.events: list[Change] = []
        self.states: list[dict[str, dict[str, Any]]] = [{}]

    @property
    def version(self) -> int:
        return len(self.events)

    def act(self, name: str, action: str, value: int) -> None:
        """What a user does, as far as the server allows it."""
        obj = self.objects.get(name)
        going = obj is not None and "deletionTimestamp" in obj["metadata"]
        if action == "delete":
            if obj is not None:
                del self.objects[name]
                self._happened(obj, deleted=True)
            return
        if action in ("terminate", "noise") and obj is None:
            return
        made = _made(name, action, value, obj, self.version + 1)
        if going:
            made["metadata"]["deletionTimestamp"] = TERMINATED
        self.objects[name] = made
        self._happened(made, deleted=going or action == "terminate")

    def _happened(self, obj: dict[str, Any], *, deleted: bool) -> None:
        self.events.append(live(self.version + 1, obj, deleted=deleted))
        self.states.append(dict(self.objects))

    def tree(self) -> dict[str, bytes]:
        """The files of what is there and may be written."""
        return {
            f"shop/configmaps/{name}.yaml": render(config_map(name, obj["data"]["value"]))
            for name, obj in self.objects.items()
            if not {"annotations", "deletionTimestamp"} & obj["metadata"].keys()
        }


def _made(name: str, action: str, value: int, obj: dict[str, Any] | None, version: int) -> dict[str, Any]:
    """The object after an action: `noise` and `terminate` leave what it says as it was."""
    metadata: dict[str, Any] = {"resourceVersion": str(version)}
    if action in ("noise", "terminate") and obj is not None:
        metadata = obj["metadata"] | metadata
        value = obj["data"]["value"]
    if action == "ignore":
        metadata["annotations"] = {"gitops-reverser.io/ignore": "yes"}
    elif action == "break":
        metadata["finalizers"] = "not a list"
    elif action == "terminate":
        metadata["deletionTimestamp"] = TERMINATED
    return config_map(
        name, str(value), **{k: v for k, v in metadata.items() if k not in ("name", "namespace")}
    )


def server(actions: list[tuple[str, str, int]]) -> Server:
    """A server after these actions; what was broken is mended in the end."""
    made = Server()
    for name, action, value in actions:
        made.act(name, action, value)
    for name in [name for name, obj in made.objects.items() if "finalizers" in obj["metadata"]]:
        made.act(name, "set", 0)
    return made


def on_a_journal(use: Callable[[Path], Awaitable[None]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        trio.run(use, Path(folder))


def made(folder: Path, name: str) -> Path:
    place = folder / name
    place.mkdir()
    return place


@RUN
@given(ACTIONS)
def test_live_events_make_the_tree_of_the_last_state(actions: list[tuple[str, str, int]]) -> None:
    """Followed from the beginning, the entries' files are those of the objects that are there."""
    world = server(actions)

    async def use(folder: Path) -> None:
        async with open_journal(folder) as journal:
            await take(journal, world.events)
            assert await tree(journal) == world.tree()
            await paths(journal)

    on_a_journal(use)


@RUN
@given(ACTIONS, st.randoms(use_true_random=False))
def test_only_the_order_of_one_object_counts(actions: list[tuple[str, str, int]], random: Any) -> None:
    """Events of different objects may come in any order: each object's entries are the same."""
    world = server(actions)
    queues = {name: [event for event in world.events if event.key.name == name] for name in NAMES}
    shuffled: list[Observation] = []
    while any(queues.values()):
        shuffled.append(queues[random.choice([name for name in NAMES if queues[name]])].pop(0))

    async def use(folder: Path) -> None:
        for name, events in (("one", world.events), ("two", shuffled)):
            async with open_journal(made(folder, name)) as journal:
                await take(journal, events)
                assert await tree(journal) == world.tree()
                written.append(await entries(journal))

    written: list[list[Entry]] = []
    on_a_journal(use)
    for name in NAMES:
        one, two = ([plain(each) for each in every if each.key.name == name] for every in written)
        assert one == two


CUT = st.sampled_from(["resume", "resume", "list", "half list", "compacted", "bookmark"])
SESSIONS = st.lists(st.tuples(CUT, st.integers(0, 6), st.integers(0, 3)), max_size=8)


def session(world: Server, how: str, position: str, length: int, half: int) -> Iterator[Observation]:
    """What one watch brings that begins at `position` and is cut off after a few events."""
    at = int(position or 0)
    if how == "compacted" or (how in ("list", "half list") and world.version):
        at = min(world.version, at + half)
    if not position or how in ("list", "half list", "compacted"):
        yield ListStarted(STREAM)
        objects = list(world.states[at].values())
        if how == "half list":
            yield from map(listed, objects[:half])
            return
        yield from (listed(each, deleted="deletionTimestamp" in each["metadata"]) for each in objects)
        yield ListCompleted(STREAM, str(at), 0.0)
    yield from world.events[at : at + length]
    if how == "bookmark":
        yield Progress(STREAM, str(min(world.version, at + length)))


@RUN
@given(ACTIONS, SESSIONS)
def test_however_often_it_is_cut_off_the_tree_is_the_same(
    actions: list[tuple[str, str, int]], cuts: list[tuple[str, int, int]]
) -> None:
    """Resumed, listed again, cut off in a list, sent back: the last session ends in the last state."""
    world = server(actions)

    async def use(folder: Path) -> None:
        for how, length, half in [*cuts, ("resume", 1000, 0)]:
            async with open_journal(folder) as journal:
                position, _ = await journal.position(STREAM)
                await take(journal, session(world, how, position, length, half))
                await paths(journal)
        async with open_journal(folder) as journal:
            assert await tree(journal) == world.tree()
            assert await journal.withheld() == []

    on_a_journal(use)


class Crashing:
    """The real journal, in a process that dies at one of its appends: before it, or just after."""

    def __init__(self, journal: Journal, appends: int, after: bool) -> None:
        self._journal = journal
        self._left = appends
        self._after = after

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    async def append(self, batch: Append) -> list[Entry]:
        dying, self._left = self._left == 0, self._left - 1
        if dying and not self._after:
            raise Died
        appended = await self._journal.append(batch)
        if dying:
            raise Died
        return appended


class Died(BaseException):
    """Nothing of the process is left but its disk."""


async def until_it_died(folder: Path, given: list[Observation], appends: int, after: bool) -> bool:
    died = True
    try:
        async with open_journal(folder) as journal:
            await take(cast("Journal", Crashing(journal, appends, after)), given)
        died = False
    except* Died:
        pass
    return died


@settings(max_examples=12, deadline=None)
@given(ACTIONS, st.integers(1, 4))
def test_a_crash_at_any_step_leaves_the_same_entries(actions: list[tuple[str, str, int]], size: int) -> None:
    """Replayed from its position, a stream makes each entry once, whichever append the process died at."""
    world = server(actions)
    parts = [world.events[start : start + size] for start in range(0, world.version, size)]

    async def history(folder: Path, crash: int, after: bool) -> list[Entry]:
        for number, part in enumerate(parts):
            if number == crash:
                assert await until_it_died(folder, list(part), 0, after)
            async with open_journal(folder) as journal:
                position = int((await journal.position(STREAM))[0] or 0)
                await take(journal, [each for each in part if int(each.resource_version) > position])
        async with open_journal(folder) as journal:
            return [plain(each) for each in await entries(journal)]

    async def use(folder: Path) -> None:
        expected = await history(made(folder, "whole"), -1, False)
        for crash in range(len(parts)):
            for after in (False, True):
                assert await history(made(folder, f"{crash} {after}"), crash, after) == expected

    on_a_journal(use)


@settings(max_examples=20, deadline=None)
@given(ACTIONS, ACTIONS, st.integers(0, 2), st.booleans())
def test_a_crash_at_any_step_of_a_list_leaves_the_same_entries(
    before: list[tuple[str, str, int]], meanwhile: list[tuple[str, str, int]], appends: int, after: bool
) -> None:
    """A list that is read again after a crash brings what is missing, and nothing twice."""
    world = server(before)
    known = list(world.events)
    for name, action, value in meanwhile:
        world.act(name, "set" if action == "break" else action, value)
    relist: list[Observation] = [
        ListStarted(STREAM),
        *(listed(e, deleted="deletionTimestamp" in e["metadata"]) for e in world.objects.values()),
        ListCompleted(STREAM, str(world.version), 0.0),
    ]

    async def use(folder: Path) -> None:
        for name in ("whole", "crashed"):
            async with open_journal(made(folder, name)) as journal:
                await take(journal, known)
        await until_it_died(folder / "crashed", relist, appends, after)
        for name in ("whole", "crashed"):
            async with open_journal(folder / name) as journal:
                await take(journal, relist)
                histories.append([plain(each) for each in await entries(journal)])
                assert await tree(journal) == world.tree()
                assert (await journal.position(STREAM))[0] == str(world.version)

    histories: list[list[Entry]] = []
    on_a_journal(use)
    assert histories[0] == histories[1]
