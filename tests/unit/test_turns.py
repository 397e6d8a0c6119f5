"""So many git commands run at once, and one that hangs keeps no others waiting for ever."""

from __future__ import annotations

import trio
import trio.testing

from reverser.turns import Turns


class Commands:
    """Commands that run until they are released."""

    def __init__(self, turns: Turns) -> None:
        self._turns = turns
        self.begun: list[int] = []
        self.released = trio.Event()

    async def run(self, number: int) -> None:
        """One command."""
        async with self._turns.turn():
            self.begun.append(number)
            await self.released.wait()


async def test_so_many_run_at_once_in_the_order_of_asking(autojump_clock: trio.abc.Clock) -> None:
    """The others begin when the first have ended."""
    commands = Commands(Turns(2, 1000.0))
    async with trio.open_nursery() as nursery:
        for number in range(4):
            nursery.start_soon(commands.run, number)
            await trio.testing.wait_all_tasks_blocked()

        assert commands.begun == [0, 1]
        commands.released.set()
        await trio.testing.wait_all_tasks_blocked()
        assert commands.begun == [0, 1, 2, 3]


async def test_one_that_runs_for_long_gives_its_turn_to_another(autojump_clock: trio.abc.Clock) -> None:
    """A remote that gives no answer holds the others up for so many seconds at most."""
    commands = Commands(Turns(1, 20.0))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(commands.run, 0)
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(commands.run, 1)
        await trio.sleep(19)
        assert commands.begun == [0]
        await trio.sleep(2)
        assert commands.begun == [0, 1]
        commands.released.set()


async def test_who_stops_waiting_leaves_no_turn_taken(autojump_clock: trio.abc.Clock) -> None:
    """One that is cancelled while it waits, or while it runs, is in nobody's way."""
    turns = Turns(1, 1000.0)
    commands = Commands(turns)
    with trio.move_on_after(5):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(commands.run, 0)
            nursery.start_soon(commands.run, 1)

    with trio.fail_after(1):
        async with turns.turn():
            pass
