"""How long a destination waits before it tries again what failed: a refused push, a remote that is away.

| what ended the session | the next one begins |
|---|---|
| somebody else moved the branch | at once |
| the remote says when to come back | then |
| anything else | after 0.5 s, and after twice as long each time, up to 30 s |

A session that worked for a minute before it failed begins with 0.5 s again. What is pending stays in the
journal meanwhile, and is pushed in one go. Pure.
"""

from __future__ import annotations

from reverser.errors import ReverserError, TransientError

RETRY_SECONDS = 0.5
RETRY_SECONDS_MOST = 30.0
LASTING_SECONDS = 2 * RETRY_SECONDS_MOST
"""A session of more than this has worked."""


class PushRetry:
    """Counts the failures of one destination."""

    def __init__(self) -> None:
        self._pause = RETRY_SECONDS

    def reset(self) -> None:
        """Nothing has failed: the branch was moved."""
        self._pause = RETRY_SECONDS

    def pause(self, error: ReverserError, session_seconds: float) -> float:
        """Seconds to wait after a session of so many seconds that ended with this error."""
        if session_seconds > LASTING_SECONDS:
            self.reset()
        pause, self._pause = self._pause, min(2 * self._pause, RETRY_SECONDS_MOST)
        wished = error.retry_after if isinstance(error, TransientError) else None
        return wished or pause
