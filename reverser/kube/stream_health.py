"""The failures of one stream, and the reports of an observer: which the app turns into logs and conditions.

A failure is over when something good has come: a complete list, an event or a bookmark. An answer with 200 is
not enough, or a failure and its end would alternate. The failure `Stuck` (watching brings nothing) is over
only when watching brings something, since lists succeed all the time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import trio

from reverser.backoff import Backoff
from reverser.errors import ReverserError
from reverser.kube.errors import Expired, KubeError, NotFound, Rewound, Stuck
from reverser.model.change import Stream
from reverser.model.resource import ResourceType

RETRY_SECONDS = 0.5
RETRY_SECONDS_MOST = 30.0


def api_backoff() -> Backoff:
    """The waits between requests to an API server that failed."""
    return Backoff(RETRY_SECONDS, RETRY_SECONDS_MOST)


class Reports(Protocol):
    """Called at each event of its kind; the receiver decides which of them changes a state."""

    def connected(self, server: str, version: str) -> None:
        """The API server answers."""

    def unreachable(self, error: ReverserError) -> None:
        """The API server as a whole cannot be reached or does not let us in; it is tried again."""

    def discovered(self, types: Sequence[ResourceType], degraded: Mapping[str, str]) -> None:
        """Discovery answered; `degraded` names groups that did not."""

    def watching(self, streams: Sequence[Stream]) -> None:
        """These streams are wanted now; called when they change."""

    def listed(self, stream: Stream, objects: int) -> None:
        """A complete list has been handed on."""

    def restarted(self, stream: Stream, reason: str) -> None:
        """A stream has to be started again; `reason` is one word for a metric."""

    def failed(self, stream: Stream, error: ReverserError) -> None:
        """A stream does not work; called at each attempt."""

    def recovered(self, stream: Stream) -> None:
        """A stream that failed works again; called once."""

    def started_over(self, stream: Stream | None, why: str) -> None:
        """The API server's history is another one; this stream (None: every one) lists again."""


class StreamHealth:
    """The failures of one stream."""

    def __init__(self, stream: Stream, reports: Reports) -> None:
        self._stream = stream
        self._reports = reports
        self._backoff = api_backoff()
        self._wake = trio.Event()
        self._served = True
        self._reported = False
        self._stuck = False

    def discovered(self, *, served: bool) -> None:
        """Discovery has answered: a type that was not found may be served by now."""
        self._served = served
        self._wake.set()

    def listed(self) -> None:
        """A list is complete."""
        self._backoff.succeeded()
        if not self._stuck:
            self._recover()

    def progressed(self) -> None:
        """An event or a bookmark has come."""
        self._backoff.succeeded()
        self._stuck = False
        self._recover()

    async def failed(self, error: ReverserError, *, routine: bool = False) -> None:
        """Report an error unless it is routine, and return when it is time to try again."""
        self._reports.restarted(self._stream, error.word if isinstance(error, KubeError) else "credentials")
        if routine:
            return
        if not isinstance(error, Expired | Rewound):
            self._stuck = self._stuck or isinstance(error, Stuck)
            self._report(error)
        await self._wait(error)

    async def pause(self) -> None:
        """Wait without an error, so that nobody spins."""
        await trio.sleep(self._backoff.failed())

    def _report(self, error: ReverserError) -> None:
        # That a type is not found after discovery has dropped it is no failure.
        if self._served or not isinstance(error, NotFound):
            self._reported = True
            self._reports.failed(self._stream, error)

    async def _wait(self, error: ReverserError) -> None:
        seconds = self._backoff.failed(error.retry_after)
        if not isinstance(error, NotFound):
            await trio.sleep(seconds)
            return
        self._wake = trio.Event()
        with trio.move_on_after(seconds):
            await self._wake.wait()

    def _recover(self) -> None:
        if self._reported:
            self._reported = False
            self._reports.recovered(self._stream)
