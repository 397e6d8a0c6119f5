"""How long a destination waits before it tries again what failed: a refused push, a remote that is away.

| what ended the session | the next one begins |
|---|---|
| somebody else moved the branch | at once |
| the remote says when to come back | then, or a little later |
| anything else | after a random time from 0.5 s to 1 s; the upper bound doubles each time, up to 30 s |

A session that worked for a minute before it failed begins with the first of these again. What is pending
stays in the journal meanwhile, and is pushed in one go. Pure.
"""

from __future__ import annotations

from reverser.backoff import Backoff
from reverser.errors import ReverserError

RETRY_SECONDS = 0.5
RETRY_SECONDS_MOST = 30.0
LASTING_SECONDS = 2 * RETRY_SECONDS_MOST
"""A session of more than this has worked."""


class PushRetry:
    """Counts the failures of one destination."""

    def __init__(self) -> None:
        self._backoff = Backoff(RETRY_SECONDS, RETRY_SECONDS_MOST)

    def reset(self) -> None:
        """Nothing has failed: the branch was moved."""
        self._backoff.succeeded()

    def pause(self, error: ReverserError, session_seconds: float) -> float:
        """Seconds to wait after a session of so many seconds that ended with this error."""
        if session_seconds > LASTING_SECONDS:
            self.reset()
        return self._backoff.failed(error.retry_after)
