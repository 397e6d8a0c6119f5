"""A writer between a real journal and a remote that answers at the worst moment."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import pytest
import trio

from reverser.journal.sqlite import open_journal
from reverser.metrics import Metrics
from reverser.model.change import Operation, Origin
from reverser.model.commit import Commit, PushOutcome, PushResult
from reverser.model.entry import Append, Edit, Entry
from reverser.model.journal import Journal
from reverser.model.resource import ObjectKey
from reverser.writer import push_retry
from reverser.writer.driver import Writer
from tests.writing import context

ROUNDS = 60
"""The order of two tasks that wake together is the scheduler's secret: one in four goes the bad way."""
BOUND_SECONDS = 60
_ids = itertools.count(1)


class Repository:
    """Answers the first push at the very moment at which the second batch is written."""

    def __init__(self, first: PushOutcome, head: str) -> None:
        self.first = first
        self.head = head
        self.pushing, self.writing, self.moment = trio.Event(), trio.Event(), trio.Event()
        self._writes = 0

    async def fetch(self) -> str:
        await trio.lowlevel.checkpoint()
        return self.head

    async def is_ancestor(self, old: str, head: str) -> bool:
        await trio.lowlevel.checkpoint()
        return old == head

    async def tree(self, commit: str) -> dict[str, tuple[str, str]]:
        await trio.lowlevel.checkpoint()
        return {commit: ("160000", commit)}

    async def changed(self, old: str, new: str) -> dict[str, tuple[str, str] | None]:
        await trio.lowlevel.checkpoint()
        return {old: None, new: ("160000", new)}

    async def sizes(self, ids: Sequence[str]) -> dict[str, int]:
        await trio.lowlevel.checkpoint()
        return dict.fromkeys(ids, 0)

    async def blobs(self, ids: Sequence[str]) -> dict[str, bytes]:
        await trio.lowlevel.checkpoint()
        return dict.fromkeys(ids, b"")

    async def write(self, commits: Sequence[Commit], parent: str) -> list[str]:
        await trio.lowlevel.checkpoint()
        self._writes += 1
        if self._writes == 2:
            self.writing.set()
            await self.moment.wait()
        return [f"{next(_ids)} on {parent[:8]}" for _ in commits]

    async def push(self, head: str, parent: str) -> PushResult:
        await trio.lowlevel.checkpoint()
        if not self.pushing.is_set():
            self.pushing.set()
            await self.moment.wait()
            return PushResult(self.first)
        self.head = head
        return PushResult(PushOutcome.PUSHED, head)


def entry(name: str) -> Append:
    key = ObjectKey("default", "", "configmaps", "shop", name)
    edit = Edit(f"{name}.yaml", b"x")
    return Append(entries=[Entry("live", key, "v1", "ConfigMap", Operation.CREATE, Origin.LIVE, edit, 0.0)])


async def settled() -> None:
    await trio.lowlevel.checkpoint()


async def written(journal: Journal, repository: Repository, metrics: Metrics) -> None:
    """Two entries, of which the second is written while the first one's push is answered."""
    writer = Writer(context(journal, metrics=metrics, clock=lambda: 0.0), repository)
    await journal.append(entry("first"))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(writer.run, settled)
        await repository.pushing.wait()
        await journal.append(entry("second"))
        await repository.writing.wait()
        repository.moment.set()
        writer.drain()


@pytest.mark.parametrize("outcome", [PushOutcome.STALE, PushOutcome.UNREACHABLE], ids=lambda each: each.value)
async def test_a_push_that_fails_while_more_is_written(
    outcome: PushOutcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The writer learns why the push failed, tries again, and writes all."""
    monkeypatch.setattr(push_retry, "RETRY_SECONDS", 0.001)
    metrics = Metrics()
    with trio.fail_after(BOUND_SECONDS):
        async with open_journal(tmp_path) as journal:
            head = ""
            for _ in range(ROUNDS):
                repository = Repository(outcome, head)
                await written(journal, repository, metrics)
                assert repository.head != head
                head = repository.head
                assert await journal.pending("live") == []
