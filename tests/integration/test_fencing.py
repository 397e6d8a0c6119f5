"""A writer asks whether its process still leads, before it builds anything on what others have pushed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tests.integration.writing import World, world


class Lease:
    """Answers whether it is held; `when_asked` are the answers before the last one holds."""

    def __init__(self, when_asked: Sequence[bool] = ()) -> None:
        self.asked = 0
        self._answers = [*when_asked]

    async def ask(self) -> bool:
        self.asked += 1
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]

    def answer(self, *answers: bool) -> None:
        """From now on."""
        self.asked, self._answers = 0, [*answers]


async def test_who_leads_no_more_builds_on_nothing_of_others(tmp_path: Path) -> None:
    """When its push comes too late, the writer of a former leader ends without pushing its old change."""
    lease = Lease([True])
    async with world(tmp_path) as there, there.writing(holds_lease=lease.ask):
        await begun(there)
        await there.theirs("a.yaml", "newer\n")
        lease.answer(False)
        await there.change("a", "old")
        await there.ended.wait()

    assert there.shown()["a.yaml"] == "newer"


async def test_a_leader_that_was_replaced_while_it_read_the_branch(tmp_path: Path) -> None:
    """The Lease is lost between the questions before and after the branch is read: nothing is pushed."""
    lease = Lease([True])
    async with world(tmp_path) as there, there.writing(holds_lease=lease.ask):
        await begun(there)
        await there.theirs("a.yaml", "newer\n")
        lease.answer(True, False)
        await there.change("a", "old")
        await there.ended.wait()

    assert lease.asked == 2
    assert there.shown()["a.yaml"] == "newer"


async def test_who_still_leads_goes_on_beside_others(tmp_path: Path) -> None:
    """Somebody else's commit costs a leader two questions; without one it asks nothing while it writes."""
    lease = Lease([True])
    async with world(tmp_path) as there, there.writing(holds_lease=lease.ask):
        await begun(there)
        lease.answer(True)
        await there.change("a", "2")
        await there.landed()
        asked = lease.asked
        await there.theirs("note", "by hand\n")
        await there.change("a", "3")
        await there.landed()

    assert (asked, lease.asked) == (0, 2)
    assert '"3"' in there.shown()["a.yaml"]
    assert there.shown()["note"] == "by hand"


async def test_a_former_leader_pushes_what_it_has_while_nobody_else_did(tmp_path: Path) -> None:
    """While the branch is as the writer has left it, what is journaled lands, whoever holds the lease."""
    lease = Lease([True])
    async with world(tmp_path) as there, there.writing(holds_lease=lease.ask):
        await begun(there)
        lease.answer(False)
        await there.change("a", "2")
        await there.change("b", "1")
        await there.landed()

    assert {*there.shown()} == {"a.yaml", "b.yaml"}
    assert lease.asked == 0


async def begun(there: World) -> None:
    """The writer has pushed once."""
    await there.change("a", "1")
    await there.landed()
