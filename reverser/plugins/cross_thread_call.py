"""A call of a plugin's hook that somebody waits for, from one Trio loop to another."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import trio


class Question:
    """Asked in the loop that made it, answered in another thread."""

    def __init__(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._answered = trio.Event()
        self._answer: Any = None
        self._error: BaseException | None = None

    def settle(self, answer: Any, error: BaseException | None) -> None:
        """Called in the plugin's thread; whoever asked may have gone."""
        self._answer, self._error = answer, error
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._answered.set)

    async def answer(self, seconds: float) -> Any:
        """What the hook answered. Raises what it raised, or TooSlowError."""
        with trio.fail_after(seconds):
            await self._answered.wait()
        if self._error is not None:
            raise self._error
        return self._answer
