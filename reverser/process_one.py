"""Process 1 of a container: runs the program as its child, and waits for whatever ends.

When git is ended, or ends before what it started (git-remote-https, ssh), the kernel makes process 1
the parent of the rest. Who is process 1 must wait for them all, or each stays in the process table.
The program cannot do that itself: to wait for any child would take the exit codes that its own
tasks wait for. So process 1 is a copy that does nothing else. It passes every signal on, which also
gives the program the signals' usual effects: process 1 gets none that it has no handler for.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress


def reap_orphans() -> None:
    """Return in a child that runs the program, when this process is number 1; else do nothing.

    The caller has started no thread and printed nothing yet.
    """
    if os.getpid() == 1:
        lead()


def lead() -> None:
    """Return in the child; this process waits for it, and ends as it did."""
    passed = signal.valid_signals()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, passed)
    child = os.fork()
    if not child:
        _take_terminal()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return
    while True:
        number = signal.sigwait(passed)
        if number != signal.SIGCHLD:
            os.kill(child, number)
        elif (code := _ended(child)) is not None:
            os._exit(code if code >= 0 else 128 - code)


def _ended(child: int) -> int | None:
    """Wait for all that have ended; what the child's end was, if it is among them."""
    while True:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == child:
            return os.waitstatus_to_exitcode(status)
        if not pid:
            return None


def _take_terminal() -> None:
    """Lead a process group of our own: Ctrl-C reaches it once, and not again from process 1."""
    os.setpgid(0, 0)
    with suppress(OSError):
        if os.isatty(0):
            os.tcsetpgrp(0, os.getpgrp())
