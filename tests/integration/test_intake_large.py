"""Large objects are looked at in a thread, in their order, while everything else goes on."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from reverser.intake import decision_state
from reverser.intake.decide import decide
from reverser.intake.worker_thread import LARGE_BYTES
from reverser.journal.sqlite import open_journal
from reverser.kube import watch_events
from reverser.kube.lists import paged
from reverser.kube.watch_events import item_of
from reverser.model.change import Change
from tests.hooks import HOOKS
from tests.integration.intaking import STREAM, Taking, config_map, live, said

BOUND_SECONDS = 20
SIZES = (("small", 1), ("heavy", watch_events.LARGE_BYTES))


def large(version: int, name: str) -> Change:
    return msgspec.structs.replace(live(version, config_map(name, "x" * LARGE_BYTES)), size=LARGE_BYTES)


async def test_other_tasks_go_on_while_a_large_object_is_decided(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event loop turns meanwhile; what comes after the object is journaled after it."""
    begun, other_has_run = threading.Event(), threading.Event()
    waits: list[bool] = []

    def slow(route: Any, change: Change, *arguments: Any, **named: Any) -> Any:
        if change.size:
            begun.set()
            waits.append(other_has_run.wait(BOUND_SECONDS))
        return decide(route, change, *arguments, **named)

    async def other() -> None:
        while not begun.is_set():
            await trio.sleep(0.001)
        other_has_run.set()

    monkeypatch.setattr(decision_state, "decide", slow)
    async with open_journal(tmp_path) as journal, trio.open_nursery() as nursery:
        nursery.start_soon(other)
        await Taking(journal).all([large(1, "b"), live(2, config_map("a", "1")), large(3, "c")])
        written = await said(journal)

    assert waits == [True, True]
    assert [line.rpartition("/")[2] for line in written] == ["b.yaml", "a.yaml", "c.yaml"]


async def test_plugins_are_asked_in_the_main_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There they are interrupted when they take too long, however large the object is."""
    threads = []

    class Hooks:
        foreign_layout = False

        def __getattr__(self, name: str) -> Any:
            def call(*arguments: Any) -> Any:
                threads.append(threading.current_thread())
                return getattr(HOOKS, name)(*arguments)

            return call

    hooks: Any = Hooks()
    async with open_journal(tmp_path) as journal:
        taking = Taking(journal, hooks=hooks)
        threads.clear()
        await taking.all([large(1, "a")])
        written = await said(journal)

    assert len(written) == 1
    assert len(threads) > 1
    assert set(threads) == {threading.main_thread()}


@pytest.mark.parametrize("what", ["line", "item"])
async def test_a_long_line_is_read_in_a_thread(monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    """So is a large item of a page: one that is nested too deep takes long to cut."""
    threads = []

    def noted(*_: Any) -> Any:
        threads.append(threading.current_thread())

    async def read(text: bytes) -> None:
        await (
            watch_events.read(text) if what == "line" else watch_events.read_item(STREAM, msgspec.Raw(text))
        )

    monkeypatch.setattr(watch_events, "event_of", noted)
    monkeypatch.setattr(watch_events, "item_of", noted)

    await read(b"x")
    await read(b"x" * watch_events.LARGE_BYTES)

    assert threads[0] is threading.main_thread()
    assert threads[1] is not threading.main_thread()


async def test_large_items_of_a_page_are_read_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them, in their order."""
    threads, handed_on = [], list[str]()
    small, heavy = ({"metadata": {"name": name}, "data": {"x": "x" * size}} for name, size in SIZES)

    def noted(stream: Any, item: msgspec.Raw) -> watch_events.WatchEvent:
        threads.append(threading.current_thread())
        return item_of(stream, item)

    async def hand_on(event: watch_events.WatchEvent) -> None:
        handed_on.append(event.metadata.name)

    class Client:
        async def get(self, *_: Any, **__: Any) -> Any:
            return msgspec.convert(
                {
                    "metadata": {},
                    "items": [msgspec.Raw(msgspec.json.encode(each)) for each in (heavy, small)],
                },
                watch_events.Page,
            )

    monkeypatch.setattr(watch_events, "item_of", noted)
    client: Any = Client()
    await paged(client, STREAM, hand_on)

    assert handed_on == ["heavy", "small"]
    assert threads[0] is not threading.main_thread()
    assert threads[1] is threading.main_thread()
