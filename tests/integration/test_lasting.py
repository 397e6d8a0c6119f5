"""Trouble that lasts, met by a writer, an observer and an intake that try again and again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
import structlog
import trio

from reverser.app import writers
from reverser.errors import TransientError
from reverser.health import Health
from reverser.journal import retrying
from reverser.journal.retrying import RetryingJournal
from reverser.log import configure
from reverser.model.condition import Condition
from reverser.model.entry import Append
from reverser.writer import driver, push_retry
from reverser.writer.observe_mode import ObservingWriter
from tests.e2e.remote import install_hook
from tests.integration.running import running
from tests.integration.writing import world

TRIES = 4


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RETRY_SECONDS", "RETRY_SECONDS_MOST"):
        monkeypatch.setattr(push_retry, name, 0.001)
        monkeypatch.setattr(retrying, name, 0.001)


def reasons(told: list[Condition]) -> list[str]:
    return [each.reason for each in told]


@pytest.mark.parametrize("words", ["no", "no, says request $$ of $(date +%s%N)"], ids=["alike", "numbered"])
async def test_a_push_that_is_refused_is_one_condition_until_one_lands(tmp_path: Path, words: str) -> None:
    """Each try fetches well first, and that says nothing of the push."""
    tries = tmp_path / "tries"
    tries.write_text("")
    async with world(tmp_path) as there:
        install_hook(there.remote.bare, "pre-receive", f'echo "{words}" >&2; echo >> "{tries}"; exit 1')
        await there.change("a", "1")
        async with there.writing():
            await there.until(lambda: len(tries.read_text()) >= TRIES)
            assert reasons(there.told) == ["PushRefused"]
            there.remote.allow()
            await there.landed()
            await there.until(lambda: len(there.told) > 1)

    assert reasons(there.told) == ["PushRefused", "Recovered"]
    assert there.health.stalled_count == 0


async def test_a_refusal_ends_when_nothing_is_left_to_push(tmp_path: Path) -> None:
    """Somebody has pushed our commits for us, or the entries are withheld."""
    async with world(tmp_path) as there:
        await there.change("a", "1")
        there.health.stalled("destination/live", "PushRefused", "no", step=driver.WRITING)
        async with there.writing():
            await there.landed()
        async with there.writing():
            await there.until(lambda: len(there.told) > 1)

    assert reasons(there.told) == ["PushRefused", "Recovered"]


async def test_an_outage_within_a_refusal_leaves_the_refusal(tmp_path: Path) -> None:
    """A remote that is away for a while and refuses again has not worked in between."""
    told: list[Condition] = []
    health = Health(told.append)
    health.stalled("destination/live", "PushRefused", "no", step=driver.WRITING)
    health.failed("destination/live", TransientError("away"), step=driver.READING)

    health.recovered("destination/live", step=driver.READING)

    assert reasons(told) == ["PushRefused", "Unreachable", "PushRefused"]


class FullDisk:
    """A journal that is read well and written badly."""

    def __init__(self) -> None:
        self.full = True
        self.appends = 0

    async def append(self, _append: Append) -> list[object]:
        await trio.lowlevel.checkpoint()
        self.appends += 1
        if self.full:
            raise TransientError("the disk is full")
        return []

    async def withheld(self) -> list[object]:
        await trio.lowlevel.checkpoint()
        return []


@pytest.mark.parametrize("shared", [True, False], ids=["one task's", "another's"])
async def test_a_full_disk_is_one_condition_however_well_it_is_read(shared: bool) -> None:
    """What others read meanwhile does not end it, nor make the process ready."""
    told: list[Condition] = []
    health, disk = Health(told.append), FullDisk()
    mine = RetryingJournal(disk, health)  # type: ignore[arg-type]
    others = mine if shared else RetryingJournal(disk, health, "witnesses")  # type: ignore[arg-type]
    async with trio.open_nursery() as nursery:
        nursery.start_soon(mine.append, Append())
        while disk.appends < TRIES:
            await others.withheld()
            assert disk.appends == 0 or not health.ready or not told
        assert reasons(told) == ["JournalUnusable"]
        assert not health.ready
        disk.full = False

    assert reasons(told) == ["JournalUnusable", "Recovered"]
    assert health.ready


async def test_an_observing_destination_that_fails_is_one_condition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That it is opened again is no recovery; that what is pending was logged is one."""
    monkeypatch.setattr(writers, "OPEN_SECONDS", 0.01)
    configure("console", "info")
    real, tries = ObservingWriter.run, list[int]()

    async def failing(self: ObservingWriter, ready: Callable[[], Awaitable[None]]) -> None:
        tries.append(1)
        if len(tries) <= TRIES:
            raise TransientError("no answer")
        await real(self, ready)

    monkeypatch.setattr(ObservingWriter, "run", failing)
    with structlog.testing.capture_logs() as lines:
        async with running(tmp_path) as there:
            [destination] = there.config.destinations
            observed = msgspec.structs.replace(destination, mode="observe")
            there.config = msgspec.structs.replace(there.config, destinations=(observed,))
            await there.apply("web", "one")
            async with there.daemon():
                await there.until(lambda: any(line.get("reason") == "Recovered" for line in lines))

    about = [line["reason"] for line in lines if line.get("subject") == "destination/live"]
    assert about == ["Unreachable", "Recovered"]
    assert len(tries) == TRIES + 1
