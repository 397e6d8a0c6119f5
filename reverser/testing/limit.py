"""The daemon's time limit for deciding hooks, so that who checks a plugin is told of it and never hangs."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec

from reverser.plugins import watchdog
from reverser.plugins.plugin import Hook, Hooks
from reverser.plugins.watchdog import TooLongError, Watchdog


@contextmanager
def limited(hooks: Hooks) -> Iterator[Hooks]:
    """The same hooks: a call that takes too long raises TimeoutError, and so does every later one at once."""
    before = signal.getsignal(signal.SIGALRM)
    guard = Watchdog(watchdog.LIMIT_SECONDS)
    try:
        yield {name: tuple(_limited(each, guard) for each in found) for name, found in hooks.items()}
    finally:
        guard.stop()
        if signal.getsignal(signal.SIGALRM) != before:
            signal.signal(signal.SIGALRM, before)


def _limited(hook: Hook, guard: Watchdog) -> Hook:
    function: Callable[..., Any] = hook.function
    slow = TimeoutError(f"took longer than {guard.seconds:g} s")
    seen: list[TimeoutError] = []

    def call(*arguments: Any) -> Any:
        if seen:
            raise slow
        guard.start()
        try:
            try:
                guard.inside = True
                return function(*arguments)
            finally:
                guard.inside = False
        except TooLongError:
            seen.append(slow)
            raise slow from None
        finally:
            guard.stop()

    return msgspec.structs.replace(hook, function=call)
