"""A journal that cannot be used, and an end at any moment: nothing is lost, and nothing comes twice."""

from __future__ import annotations

import os
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import pytest
import trio
import trio.testing

from reverser.errors import ReverserError, StalledError, TransientError
from reverser.journal import retrying
from reverser.journal.sqlite import open_journal
from reverser.model.change import Observation
from reverser.model.journal import Journal
from tests.integration.intaking import (
    BOUND_SECONDS,
    EVERYTHING,
    LIVE,
    STREAM,
    Taking,
    config_map,
    entries,
    live,
    paths,
    said,
    take,
    whole,
)
from tests.integration.observing import until

BUSY = TransientError("the disk is full", hint="make room")
DAMAGED = StalledError("JournalDamaged", "the journal is damaged", hint="move it away")
ASKED = ("stage", "append", "known", "keys", "withheld", "some_records")
GIVEN = [
    *whole(5, config_map("a", "1"), config_map("b", "1")),
    live(6, config_map("a", "2")),
    *whole(9, config_map("a", "2")),
]


class Failing:
    """The real journal, of which some methods raise for a while."""

    def __init__(self, journal: Journal, error: ReverserError, *methods: str) -> None:
        self._journal = journal
        self._error = error
        self._methods = methods
        self.refused = 0
        self.times = 3

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._journal, name)
        return self._or_fail(real) if name in self._methods else real

    def _or_fail(self, real: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def call(*args: Any) -> Any:
            if self.refused < self.times:
                self.refused += 1
                raise self._error
            return await real(*args)

        return call


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests do not wait for as long as an operator may."""
    monkeypatch.setattr(retrying, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(retrying, "RETRY_SECONDS_MOST", 0.02)


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    """A real one."""
    async with open_journal(tmp_path) as opened:
        yield opened


@pytest.mark.parametrize("error", [BUSY, DAMAGED])
@pytest.mark.parametrize("method", ASKED)
async def test_a_journal_that_fails_for_a_while_costs_nothing(
    journal: Journal, tmp_path: Path, method: str, error: ReverserError
) -> None:
    """Whatever fails, and whoever has to act: in the end the journal holds what it holds without it."""
    failing = Failing(journal, error, method)
    await take(cast("Journal", failing), GIVEN)

    assert failing.refused == 3
    assert await said(journal) == [
        "snapshot CREATE shop/configmaps/a.yaml",
        "snapshot CREATE shop/configmaps/b.yaml",
        "live UPDATE shop/configmaps/a.yaml",
        "sweep DELETE shop/configmaps/b.yaml",
    ]
    assert (await journal.position(STREAM))[0] == "9"


@pytest.mark.parametrize(("error", "reason"), [(BUSY, "JournalUnusable"), (DAMAGED, "JournalDamaged")])
async def test_it_is_shown_for_as_long_as_it_lasts(
    journal: Journal, error: ReverserError, reason: str
) -> None:
    """The condition names the reason and what to do, the process is not ready; both end by themselves."""
    failing = Failing(journal, error, "append")
    failing.times = 1_000_000
    taking = Taking(cast("Journal", failing), [EVERYTHING], [LIVE])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(taking.all, GIVEN)
        await until(lambda: taking.health.conditions)
        (condition,) = taking.health.conditions
        assert (condition.type, condition.subject, condition.status) == ("Stalled", "journal", True)
        assert condition.reason == reason
        assert error.message in condition.message
        assert error.hint in condition.message
        assert taking.health.failing == ["journal"]
        failing.times = 0

    (condition,) = taking.health.conditions
    assert condition.status is False
    assert taking.health.ready


async def test_a_journal_that_names_a_time_is_asked_then(
    journal: Journal, autojump_clock: trio.testing.MockClock
) -> None:
    """A pause that the journal asks for is kept."""
    failing = Failing(journal, TransientError("later", retry_after=7.0), "append")
    failing.times = 1
    send, receive = trio.open_memory_channel[Observation](1)
    send.send_nowait(live(1, config_map("a", "1")))
    send.close()
    began = trio.current_time()
    # No bound around this one: the clock jumps to it while the journal's thread is at work.
    await Taking(cast("Journal", failing), [EVERYTHING], [LIVE]).intake.run(receive)

    assert trio.current_time() - began >= 7.0
    assert len(await entries(journal)) == 1


async def test_the_watch_is_held_up_meanwhile(journal: Journal) -> None:
    """While the journal takes nothing the channel fills, and whoever sends has to wait."""
    failing = Failing(journal, BUSY, "append")
    failing.times = 1_000_000
    taking = Taking(cast("Journal", failing), [EVERYTHING], [LIVE])
    send, receive = trio.open_memory_channel[Observation](10)
    sent: list[int] = []

    async def watch() -> None:
        async with send:
            for number in range(1, 2001):
                await send.send(live(number, config_map(f"m{number % 5}", str(number))))
                sent.append(number)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(taking.intake.run, receive)
        nursery.start_soon(watch)
        await until(lambda: failing.refused > 3)
        assert len(sent) < 100
        failing.times = 0

    assert len(sent) == 2000
    assert len(await entries(journal)) == 2000


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 2 MiB; only root may have one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("no disk can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


async def test_a_full_disk_holds_everything_up_until_there_is_room(disk: Path) -> None:
    """On a disk that is really full the intake waits, shows why, and then goes on where it was."""
    filler = disk / "filler"
    given = [live(number, config_map("a", f"{number}" + "x" * 30_000)) for number in range(1, 31)]
    async with open_journal(disk) as journal:
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))
        taking = Taking(journal, [EVERYTHING], [LIVE])
        async with trio.open_nursery() as nursery:
            nursery.start_soon(taking.all, given)
            await until(lambda: taking.health.stalled_count)
            (condition,) = taking.health.conditions
            assert "free some space" in condition.message
            filler.unlink()

        assert len(await entries(journal)) == 30
        assert (await journal.position(STREAM))[0] == "30"
        assert taking.health.ready


async def test_an_end_takes_what_was_sent(journal: Journal) -> None:
    """When the channel closes, everything in it is durable before `run` returns."""
    taking = Taking(journal, [EVERYTHING], [LIVE])
    send, receive = trio.open_memory_channel[Observation](5000)
    for number in range(1, 2001):
        send.send_nowait(live(number, config_map(f"m{number % 5}", str(number))))
    send.close()
    await taking.intake.run(receive)

    assert len(await entries(journal)) == 2000
    assert (await journal.position(STREAM))[0] == "2000"


@pytest.mark.parametrize("done", [0, 1, 2, 3])
async def test_a_cancelled_intake_is_resumed_without_a_trace(tmp_path: Path, done: int) -> None:
    """Cancelled at any append, the next session goes on from the position: no entry missing, none twice."""
    given = [live(n, config_map(f"m{n % 3}", str(n))) for n in range(1, 1800)]
    async with open_journal(tmp_path) as journal:
        with trio.CancelScope() as scope:
            await take(cast("Journal", Cancelling(journal, scope, done)), given)
        assert scope.cancelled_caught
    async with open_journal(tmp_path) as journal:
        position = int((await journal.position(STREAM))[0] or 0)
        before = [each.edit.content for each in await entries(journal)]
        assert len(before) == position
        await take(journal, given[position:])

        assert len({each.edit.content for each in await entries(journal)}) == len(given)
        assert len(await entries(journal)) == len(given)
        assert await paths(journal) == {f"shop/configmaps/m{n}.yaml" for n in range(3)}


class Cancelling:
    """The real journal, whose user is cancelled while it appends."""

    def __init__(self, journal: Journal, scope: trio.CancelScope, done: int) -> None:
        self._journal = journal
        self._scope = scope
        self._left = done

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)

    async def append(self, *args: Any) -> Any:
        if self._left == 0:
            self._scope.cancel()
        self._left -= 1
        return await self._journal.append(*args)


async def test_a_cancelled_intake_does_not_wait_for_the_journal(journal: Journal) -> None:
    """One that is held up by a full disk can be stopped at once, and has lost nothing."""
    failing = Failing(journal, BUSY, "append")
    failing.times = 1_000_000
    with trio.fail_after(BOUND_SECONDS):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(take, failing, GIVEN)
            await until(lambda: failing.refused > 0)
            nursery.cancel_scope.cancel()

    assert await entries(journal) == []
    assert await journal.position(STREAM) == ("", "")
