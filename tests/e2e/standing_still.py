"""The program `reverser`, which stops itself at a named moment, as if its node stood still.

    python -m tests.e2e.standing_still run --config FILE

`REVERSER_STAND_STILL` is the path of a file: when it holds the moment's name, the process removes it and
sends itself SIGSTOP. SIGCONT lets it go on from there.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from reverser.__main__ import main
from reverser.git.repository import GitRepository
from reverser.journal.sqlite import SqliteJournal
from reverser.writer.catchup import CatchUp
from reverser.writer.pusher import Pusher, Stale

Method = Callable[..., Awaitable[Any]]


def stand_still(moment: str) -> None:
    """Stop here, if the file says so."""
    file = Path(os.environ["REVERSER_STAND_STILL"])
    if file.exists() and file.read_text() == moment:
        file.unlink()
        os.kill(os.getpid(), signal.SIGSTOP)


def _before(moment: str, method: Method) -> Method:
    async def stops(*arguments: Any, **options: Any) -> Any:
        stand_still(moment)
        return await method(*arguments, **options)

    return stops


def _after(moment: str, method: Method, *failures: type[Exception]) -> Method:
    async def stops(*arguments: Any, **options: Any) -> Any:
        try:
            done = await method(*arguments, **options)
        except failures:
            stand_still(moment)
            raise
        if not failures:
            stand_still(moment)
        return done

    return stops


SqliteJournal.append = _before("before append", SqliteJournal.append)  # type: ignore[method-assign]
GitRepository.push = _before("before push", GitRepository.push)  # type: ignore[method-assign]
GitRepository.push = _after("between push and ack", GitRepository.push)  # type: ignore[method-assign]
Pusher._push = _after("after STALE", Pusher._push, Stale)  # type: ignore[method-assign]
CatchUp.run = _after("after reading the branch", CatchUp.run)  # type: ignore[method-assign]

if __name__ == "__main__":
    main()
