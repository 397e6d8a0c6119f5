"""Notes of what became known after a commit: which commits they reach, and what they say."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest
import structlog
import trio
import trio.testing

from reverser.log import configure
from reverser.model.attribution import Actor, Attribution, Correction, Evidence
from reverser.model.commit import PushOutcome, PushResult
from reverser.model.resource import ObjectKey
from reverser.writer import notes as module
from reverser.writer.notes import Notes
from tests.writing import context

KEY = ObjectKey("default", "", "configmaps", "shop", "a")


def correction(seq: int, who: str = "alice") -> Correction:
    return Correction("live", seq, KEY, Attribution(Actor(who), Evidence.AUDIT))


class Remote:
    """A repository that only takes notes."""

    def __init__(self) -> None:
        self.notes: dict[str, str] = {}
        self.refuses = False

    async def annotate(self, texts: Mapping[str, str], committer: str, now: float) -> PushResult:
        del committer, now
        await trio.lowlevel.checkpoint()
        if self.refuses:
            return PushResult(PushOutcome.REFUSED, message="no")
        self.notes |= texts
        return PushResult(PushOutcome.PUSHED)


class Journal:
    id = "j"


class World:
    """Notes that run, their remote, and a way to tell them of corrections."""

    def __init__(self) -> None:
        self.remote = Remote()
        self._send, self._receive = trio.open_memory_channel[list[Correction]](100)
        live = context(Journal(), corrections=self._receive.receive, clock=lambda: 0.0)  # type: ignore[arg-type]
        self.notes = Notes(live, self.remote)  # type: ignore[arg-type]

    async def told(self, *corrections: Correction) -> dict[str, str]:
        """What is noted at each commit once everything is still again."""
        self._send.send_nowait(list(corrections))
        await trio.testing.wait_all_tasks_blocked()
        return self.remote.notes


@asynccontextmanager
async def opened() -> AsyncIterator[World]:
    async with trio.open_nursery() as nursery:
        world = World()
        nursery.start_soon(world.notes.run)
        yield world
        nursery.cancel_scope.cancel()


async def test_a_correction_waits_for_its_commit() -> None:
    """What is told before the commit has landed is noted when it has."""
    async with opened() as world:
        assert await world.told(correction(7)) == {}
        world.notes.landed({7: "c7"})
        assert "Kubernetes-User: alice" in (await world.told())["c7"]


async def test_as_many_commits_are_known_as_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to the bound none is forgotten; beyond it the oldest go."""
    monkeypatch.setattr(module, "COMMITS_MOST", 10)
    async with opened() as world:
        world.notes.landed({seq: f"c{seq}" for seq in range(9)})
        assert {*await world.told(*map(correction, range(9)))} == {f"c{seq}" for seq in range(9)}
        world.notes.landed({seq: f"c{seq}" for seq in range(9, 11)})
        world.remote.notes.clear()
        assert {*await world.told(*(correction(seq, "bob") for seq in range(11)))} == {
            f"c{seq}" for seq in range(1, 11)
        }


async def test_corrections_wait_up_to_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that came first are not forgotten while there is room."""
    monkeypatch.setattr(module, "COMMITS_MOST", 10)
    async with opened() as world:
        await world.told(*map(correction, range(9)))
        world.notes.landed({seq: f"c{seq}" for seq in range(9)})
        assert {*await world.told()} == {f"c{seq}" for seq in range(9)}


async def test_a_commit_keeps_all_its_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit of several entries is noted whole, also when one of them is no longer remembered."""
    monkeypatch.setattr(module, "COMMITS_MOST", 2)
    async with opened() as world:
        world.notes.landed({1: "c", 2: "c"})
        await world.told(correction(1), correction(2))
        world.notes.landed({3: "d"})
        found = await world.told(correction(2, "bob"))
        assert "Reverser-Entry: j/1" in found["c"]
        assert "Kubernetes-User: bob" in found["c"]


async def test_notes_that_are_refused_again_and_again_are_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until they are taken; the next refusal is another one."""
    monkeypatch.setattr(module, "RETRY_SECONDS", 0.0)
    configure("console", "info")
    with structlog.testing.capture_logs() as lines:
        async with opened() as world:
            world.notes.landed({seq: f"c{seq}" for seq in range(6)})
            for seq in range(6):
                world.remote.refuses = seq != 3
                await world.told(correction(seq))

    told = [line["event"] for line in lines]
    assert told == [
        "Git notes cannot be pushed",
        "Git notes with authors pushed",
        "Git notes cannot be pushed",
    ]
