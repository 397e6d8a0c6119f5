"""Ends programs that we started, together with whatever they started.

Each leads a session of its own, so that Ctrl-C in a terminal does not reach it; a signal to its
process group reaches them all.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess

import trio

TERM_SECONDS = 2.0


async def end_group(process: subprocess.Popen[bytes] | trio.Process, linger_seconds: float = 0.0) -> None:
    """Ask a child and all that it started to end, and make them after a while.

    `linger_seconds` come first, in which it may end by itself: nobody reads what it says any more.
    """
    if linger_seconds:
        await trio.sleep(linger_seconds)
    try:
        signal_group(process.pid, signal.SIGTERM)
        await trio.sleep(TERM_SECONDS)
    finally:
        signal_group(process.pid, signal.SIGKILL)


def signal_group(pid: int, number: signal.Signals) -> None:
    """Signal the session that a child leads; it may be gone already."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)
