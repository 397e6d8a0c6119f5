"""One writer, and group commit: writes that wait for it become durable together.

A commit costs a flush of the disk, whatever is in it. So whoever gets the turn takes along
everything that queued up meanwhile. When a group fails, each of its writes is tried alone: one
that cannot be done does not take its neighbours with it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import trio

from reverser.journal.store import Store

T = TypeVar("T")


class _Write:
    """A write that waits, and then what became of it."""

    def __init__(self, call: Callable[[Store], Any]) -> None:
        self.call = call
        self.done = False
        self.answer: Any = None
        self.error: Exception | None = None

    def finish(self, answer: Any, error: Exception | None = None) -> None:
        self.done, self.answer, self.error = True, answer, error


class GroupCommit:
    """The only way to write to a store that is in use."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._turn = trio.Lock()
        self._queue: list[_Write] = []

    async def write(self, call: Callable[[Store], T]) -> T:
        """Run `call` in a transaction, maybe with others', and return once it is durable.

        `call` may run more than once. It is never cancelled half-way, so that nobody is left in
        doubt about what is in the journal.
        """
        write = _Write(call)
        self._queue.append(write)
        with trio.CancelScope(shield=True):
            async with self._turn:
                if not write.done:
                    group, self._queue = self._queue, []
                    await trio.to_thread.run_sync(_commit, self._store, group)
        if write.error is not None:
            raise write.error
        answer: T = write.answer
        return answer


def _commit(store: Store, group: list[_Write]) -> None:
    try:
        with store.transaction():
            answers = [_run_checked(store, write) for write in group]
    except Exception as error:
        if len(group) == 1:
            group[0].finish(None, error)
            return
        for write in group:
            _commit(store, [write])
    else:
        for write, answer in zip(group, answers, strict=True):
            write.finish(answer)


def _run_checked(store: Store, write: _Write) -> Any:
    answer = write.call(store)
    store.check()
    return answer
