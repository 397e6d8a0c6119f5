"""Deciding hooks that fail: where, how often in a row, and which of them rest.

A hook that has failed too often in a row is not called for a while, for each call may take its whole second;
its rule stays, so what it was to judge is withheld all the same. What works costs nothing here: whether a
call between two failures was well is told by the number of calls, which is counted anyway.

A `CircuitBreaker` counts failures in a row, and makes a pause after too many of them.
"""

from __future__ import annotations

import inspect
import sys
import time
import traceback
import weakref
from pathlib import Path
from typing import Any, Protocol

import msgspec

from reverser.plugins.meter import Meter
from reverser.plugins.plugin import Hook, Plugin

FAILURES_MOST = 5
PAUSE_SECONDS = 300.0


class CircuitBreaker:
    """Pure; `now` is an argument."""

    def __init__(self, pause_seconds: float = PAUSE_SECONDS) -> None:
        self._seconds = pause_seconds
        self._failures = 0
        self._until = 0.0

    @property
    def paused(self) -> bool:
        """Whether the last calls failed so often that the next waits."""
        return self._failures >= FAILURES_MOST

    def pause(self, now: float) -> float:
        """Seconds until the next call."""
        return max(0.0, self._until - now) if self.paused else 0.0

    def ended(self, now: float, *, well: bool) -> bool:
        """A call has ended; whether `paused` became another."""
        before = self.paused
        self._failures = 0 if well else self._failures + 1
        if self.paused:
            self._until = now + self._seconds
        return self.paused is not before


PAUSE_SECONDS_MOST = 3600.0
TYPE_MOST = 100
"""Characters of an error's type that are told."""


class PausedError(Exception):
    """Raised in the place of a hook that rests."""


class Caller(Protocol):
    """Whoever calls hooks: told when one begins to rest, or is called again."""

    def refresh(self) -> None: ...


class Failing(msgspec.Struct):
    """A hook that has failed in this process."""

    hook: Hook
    told: str
    """What it did last, and where: `raised KeyError at rules.py:12`. Quotes nothing of the cluster."""
    at: float = 0.0
    """Monotonic seconds of the last failure."""
    in_a_row: int = 0
    calls: int = 0
    """How many calls there were at the last failure."""
    until: float = 0.0
    """When the rest ends; 0 while it is called."""
    pause: float = PAUSE_SECONDS
    waited: bool = False
    """Whether objects were withheld for it."""

    @property
    def rests(self) -> bool:
        return self.until > 0.0

    @property
    def paused(self) -> bool:
        """Whether it rests, or was well never since."""
        return self.in_a_row >= FAILURES_MOST


class Failures:
    """The failing hooks of one process, across its sessions."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._failing: dict[tuple[str, str], Failing] = {}
        self._callers: weakref.WeakSet[Any] = weakref.WeakSet()

    def watch(self, caller: Caller) -> None:
        """Tell `caller` when a hook begins to rest, and when it is called again."""
        self._callers.add(caller)

    @property
    def all(self) -> list[Failing]:
        return [*self._failing.values()]

    def rests(self, hook: Hook) -> bool:
        """Whether the hook is not to be called now."""
        found = self._failing.get(_place(hook))
        return found is not None and found.rests

    def forget(self, failing: Failing) -> None:
        """It is well again."""
        self._failing.pop(_place(failing.hook), None)
        self._refresh()

    def well_since(self, failing: Failing) -> bool:
        """Whether it was called since it failed last, and did not fail."""
        return not failing.rests and self._meter.calls(failing.hook) > failing.calls

    def note(self, hook: Hook, told: str, calls: int = 1) -> bool:
        """A call has failed, `calls` of them for one answer; whether the hook rests from now on."""
        failing = self._failing.setdefault(_place(hook), Failing(hook, told))
        before, failing.calls = failing.calls, self._meter.calls(hook)
        row = failing.in_a_row and failing.calls <= before + calls
        failing.in_a_row = failing.in_a_row + 1 if row else 1
        failing.told, failing.at = told, time.monotonic()
        if not failing.paused:
            failing.pause = PAUSE_SECONDS
            return False
        failing.until = failing.at + failing.pause
        failing.pause = min(2 * failing.pause, PAUSE_SECONDS_MOST)
        self._refresh()
        return True

    def awake(self, hook: Hook) -> bool:
        """Whether the rest of a hook is over; then it is called again."""
        failing = self._failing.get(_place(hook))
        if failing is None or not failing.rests:
            return True
        if time.monotonic() < failing.until:
            return False
        failing.until = 0.0
        failing.calls = self._meter.calls(hook)
        self._refresh()
        return True

    def _refresh(self) -> None:
        for caller in self._callers:
            caller.refresh()


def _place(hook: Hook) -> tuple[str, str]:
    return hook.plugin.name, hook.name


def raised(error: BaseException, hook: Hook) -> str:
    """`raised KeyError at rules.py:12`."""
    return f"raised {type(error).__name__[:TYPE_MOST]}{place(error, hook.plugin) or defined(hook)}"


def place(error: BaseException, plugin: Plugin) -> str:
    """` at rules.py:12`: the innermost line of the plugin's own code; "" when it has none in it."""
    folder = _folder(plugin)
    frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    own = [each for each in frames if folder and each[0].startswith(folder)]
    return f" at {_named(*own[-1], folder)}" if own else ""


def defined(hook: Hook) -> str:
    """` at rules.py:12`: where the hook's function begins."""
    code, folder = getattr(inspect.unwrap(hook.function), "__code__", None), _folder(hook.plugin)
    if code is None or not folder or not code.co_filename.startswith(folder):
        return ""
    return f" at {_named(code.co_filename, code.co_firstlineno, folder)}"


def _named(file: str, line: int, folder: str) -> str:
    return f"{Path(file).relative_to(Path(folder).parent)}:{line}"


def _folder(plugin: Plugin) -> str:
    """The file of a plugin that is one file, the folder of one that is a package; "" when it has neither."""
    code = plugin.code
    module = code if inspect.ismodule(code) else sys.modules.get(type(code).__module__)
    file = getattr(module, "__file__", None) or ""
    return str(Path(file).parent) if Path(file).name == "__init__.py" else file
