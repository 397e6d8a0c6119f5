"""The signals of a daemon: TERM and INT drain, HUP reads the configuration again.

Another TERM or INT ends at once, unless it comes within a second: GNU `timeout` and other parents signal the
process and its group, which is one wish.
"""

from __future__ import annotations

import math
import signal
from typing import Protocol

import structlog
import trio

log = structlog.get_logger()

STOPPING = (signal.SIGTERM, signal.SIGINT)
SAME_SECONDS = 1.0
"""Signals so soon after the first are the same wish to end."""


class Signalled(Protocol):
    """What signals are for."""

    @property
    def stopping(self) -> bool:
        """Whether it drains already."""

    @property
    def grace_seconds(self) -> float:
        """How long it may take to drain."""

    @property
    def what_stays(self) -> str:
        """What becomes of changes that are not pushed when it has ended."""

    def stop(self) -> None:
        """Drain and end."""

    def reload(self) -> object:
        """Read the configuration again."""


async def receive(
    daemon: Signalled,
    working: trio.CancelScope,
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Act on signals until cancelled; `working` is what a second wish to end cancels."""
    first_at = -math.inf
    with trio.open_signal_receiver(*STOPPING, signal.SIGHUP) as signals:
        task_status.started()
        async for number in signals:
            if number == signal.SIGHUP:
                daemon.reload()
            elif not daemon.stopping:
                first_at = trio.current_time()
                _drain(daemon)
            elif trio.current_time() >= first_at + SAME_SECONDS:
                log.warning("stopping at once, pending changes are pushed after the next start")
                working.cancel()


def _drain(daemon: Signalled) -> None:
    hint = f"Ctrl-C or SIGTERM again ends at once; what is not pushed yet is {daemon.what_stays}"
    log.info("stopping, pending changes are pushed first", seconds_at_most=daemon.grace_seconds, hint=hint)
    daemon.stop()
