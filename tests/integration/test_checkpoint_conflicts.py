"""A replica that leads again: what it does with its journal and the checkpoint when something is lost."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reverser.app.takeover import Takeover, Targets
from reverser.errors import ReverserError, TransientError
from reverser.journal.sqlite import open_journal
from reverser.kube.errors import Conflict
from reverser.kube.type_catalog import TypeCatalog
from reverser.leader.checkpoint import Checkpoint
from reverser.model.entry import Append
from reverser.model.journal import Journal
from tests.build import entry


class Stored:
    """The checkpoint of a group of replicas, as `CheckpointStore` has it: written only as it was read."""

    def __init__(self) -> None:
        self.checkpoint: Checkpoint | None = None
        self.version = 0
        self._read = 0
        self.lost_answers = 0
        """So many writes are taken, and their answers lost."""

    async def read(self) -> Checkpoint | None:
        """As `CheckpointStore.read`."""
        self._read = self.version
        return self.checkpoint

    async def write(self, checkpoint: Checkpoint) -> None:
        """As `CheckpointStore.write`."""
        if self._read != self.version:
            raise Conflict(409, "Conflict", "the object has been modified")
        self.checkpoint, self.version = checkpoint, self.version + 1
        if self.lost_answers:
            self.lost_answers -= 1
            raise TransientError("the connection broke")
        self._read = self.version


class Replica:
    """A journal, and how its process takes over."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.stored = Stored()
        self.leads = True
        self.errors: list[ReverserError | None] = []
        targets = Targets(lambda: None, TypeCatalog())
        self.takeover = Takeover(self.stored, journal, targets, self._confirm, self.errors.append)  # type: ignore[arg-type]

    async def _confirm(self) -> bool:
        return self.leads

    async def pending(self) -> int:
        """How many entries wait to be pushed."""
        return len(await self.journal.pending("live"))


@pytest.fixture
async def replica(tmp_path: Path) -> AsyncIterator[Replica]:
    """One whose journal has an entry that is not pushed."""
    async with open_journal(tmp_path) as journal:
        await journal.append(Append(entries=[entry(0)]))
        yield Replica(journal)


async def test_a_journal_that_never_led_keeps_what_is_pending(replica: Replica) -> None:
    """The first leader of all may have been a single daemon before."""
    await replica.takeover.begin()

    assert await replica.pending() == 1
    assert replica.stored.checkpoint is not None
    assert replica.stored.checkpoint.journal == replica.journal.id


async def test_without_a_checkpoint_a_former_leader_pushes_nothing_old(replica: Replica) -> None:
    """Others may have led since: what it has not pushed may be older than what they have."""
    await replica.takeover.begin()
    replica.stored.checkpoint = None  # its parts are of two writes, or somebody deleted them
    former = replica.journal.id

    await replica.takeover.begin()

    assert await replica.pending() == 0
    assert replica.journal.id != former
    assert replica.stored.checkpoint is not None
    assert replica.stored.checkpoint.journal == replica.journal.id


async def test_who_leads_no_more_takes_nothing_over(replica: Replica) -> None:
    """Neither the journal nor the checkpoint changes, and a condition says why."""
    await replica.takeover.begin()
    others = replica.stored.checkpoint = Checkpoint("another")
    replica.leads = False

    with pytest.raises(TransientError):
        await replica.takeover._begin()  # `begin` tries again for ever

    assert await replica.pending() == 1
    assert replica.stored.checkpoint == others


async def test_a_lost_answer_ends_no_checkpoints(replica: Replica) -> None:
    """What the server has taken is known when it is read again."""
    await replica.takeover.begin()
    replica.stored.lost_answers = 1
    for number in range(3):
        await replica.journal.set_setting("proven/live", str(number))
        await replica.takeover._save(last=True)  # `keep` waits seconds between two

    assert replica.stored.checkpoint is not None
    assert replica.stored.checkpoint.settings == {"proven/live": "2"}
    assert any(replica.errors)
    assert replica.errors[-1] is None


async def test_a_torn_checkpoint_of_its_own_is_written_anew(replica: Replica) -> None:
    """The answer to the first of two parts was lost: nobody else has written."""
    await replica.takeover.begin()
    replica.stored.checkpoint, replica.stored.version = None, replica.stored.version + 1
    await replica.journal.set_setting("proven/live", "here")
    await replica.takeover._save(last=True)  # `keep` waits seconds between two

    assert replica.stored.checkpoint is not None
    assert replica.stored.checkpoint.settings == {"proven/live": "here"}


async def test_another_leader_ends_them(replica: Replica) -> None:
    """What a later leader has stored stays."""
    await replica.takeover.begin()
    others = replica.stored.checkpoint = Checkpoint("another")
    replica.stored.version += 1
    await replica.journal.set_setting("proven/live", "here")
    for _ in range(2):
        await replica.takeover._save(last=True)  # as above

    assert replica.stored.checkpoint == others
