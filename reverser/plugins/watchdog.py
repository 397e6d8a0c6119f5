"""A time limit for deciding hooks: Python code that takes longer is interrupted where it stands.

They are called inline in the main thread, so nothing else could stop one that hangs. A thread a call
would cost ten times what a change costs. The alarm interrupts Python code and blocking calls; it
cannot interrupt one long call into C, for example one regular expression gone astray.
"""

from __future__ import annotations

import random
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

LIMIT_SECONDS = 1.0
SETUP_SECONDS = 30.0
"""For loading a plugin, and for its settings."""
AGAIN_SECONDS = 0.05
"""For code that catches the interruption and goes on."""
STUBBORN_RINGS = 20
"""After so many the alarm rings all the time: sooner or later it does where nothing is caught."""
STUBBORN_SECONDS = 2e-4


class TooLongError(BaseException):
    """Raised inside the hook; no `except Exception` of its own stops it."""


@contextmanager
def limited(seconds: float | None = None) -> Iterator[None]:
    """What takes longer than SETUP_SECONDS, or `seconds`, in the main thread is interrupted: TimeoutError."""
    before = signal.getsignal(signal.SIGALRM)
    guard = Watchdog(SETUP_SECONDS if seconds is None else seconds)
    guard.start()
    try:
        try:
            guard.inside = True
            yield
        finally:
            guard.inside = False
    except TooLongError as error:
        raise TimeoutError(f"took longer than {guard.seconds:g} s") from error
    finally:
        guard.stop()
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGALRM, before)


class Watchdog:
    """One for the process. `inside` says whether a hook is being called right now."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.inside = False
        self._rings = 0
        self._works = threading.current_thread() is threading.main_thread()
        if self._works:
            signal.signal(signal.SIGALRM, self._ring)

    def start(self) -> None:
        """From now on the limit counts, anew."""
        self._rings = 0
        if self._works:
            signal.setitimer(signal.ITIMER_REAL, self.seconds, AGAIN_SECONDS)

    def stop(self) -> None:
        """No limit any more."""
        self.inside = False
        if self._works:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _ring(self, _number: int, _frame: FrameType | None) -> None:
        if not self.inside:
            return
        self._rings += 1
        if self._rings > STUBBORN_RINGS:
            wait = random.uniform(STUBBORN_SECONDS / 100, STUBBORN_SECONDS)  # noqa: S311 - guards nothing
            signal.setitimer(signal.ITIMER_REAL, wait)
        raise TooLongError
