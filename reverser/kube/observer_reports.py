"""What an observer tells while it works; the app turns it into logs, metrics and conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from reverser.errors import ReverserError
from reverser.model.change import Stream
from reverser.model.resource import ResourceType


class Reports(Protocol):
    """Told at each event of its kind; what changes a state, the receiver knows best."""

    def connected(self, server: str, version: str) -> None:
        """The API server answers."""

    def unreachable(self, error: ReverserError) -> None:
        """The API server as a whole cannot be reached or does not let us in; it is tried again."""

    def discovered(self, types: Sequence[ResourceType], degraded: Mapping[str, str]) -> None:
        """Discovery answered; `degraded` names groups that did not."""

    def watching(self, streams: Sequence[Stream]) -> None:
        """These streams are wanted now; told when they change."""

    def listed(self, stream: Stream, objects: int) -> None:
        """A complete list has been handed on."""

    def restarted(self, stream: Stream, reason: str) -> None:
        """A stream has to be started again; `reason` is one word for a metric."""

    def failed(self, stream: Stream, error: ReverserError) -> None:
        """A stream does not work; told at each attempt."""

    def recovered(self, stream: Stream) -> None:
        """A stream that failed works; told once."""

    def started_over(self, stream: Stream | None, why: str) -> None:
        """The API server's history is another one; this stream (None: every one) lists again."""
