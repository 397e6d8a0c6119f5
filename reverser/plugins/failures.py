"""Deciding hooks that fail: where, how often in a row, and which of them are paused.

A hook that has failed too often in a row is not called for a while, for each call may take its whole second;
its rule stays, so what it was to judge is withheld all the same. What works costs nothing here: whether a
call between two failures was well is told by the number of calls, which is counted anyway.
"""

from __future__ import annotations

import inspect
import sys
import time
import traceback
from pathlib import Path

import msgspec

from reverser.plugins.plugin import Hook, Plugin

FAILURES_MOST = 5
PAUSE_SECONDS = 300.0
PAUSE_SECONDS_MOST = 3600.0
TYPE_MOST = 100
"""Characters of the name of an error's type."""


class Failing(msgspec.Struct):
    """A hook that has failed in this process."""

    hook: Hook
    failure: str = ""
    """What it did last, and where: `raised KeyError at rules.py:12`. Quotes nothing of the cluster."""
    failed_at: float = 0.0
    """Monotonic seconds of the last failure."""
    in_a_row: int = 0
    calls: int = 0
    """How many calls there were at the last failure."""
    until: float = 0.0
    """When the pause ends; 0 while the hook is called."""
    pause_seconds: float = 0.0
    """Of the next pause."""
    withheld: bool = False
    """Whether objects were withheld for it."""

    @property
    def rests(self) -> bool:
        """Whether it is not called now."""
        return self.until > 0.0

    @property
    def paused(self) -> bool:
        """Whether it rests, or was never well since."""
        return self.in_a_row >= FAILURES_MOST

    @property
    def recovered(self) -> bool:
        """Whether it was called since it failed last, and did not fail."""
        return not self.rests and self.hook.calls > self.calls


class Failures:
    """The failing hooks of one process, across its sessions."""

    def __init__(self) -> None:
        self.by_hook: dict[Hook, Failing] = {}

    def forget(self, failing: Failing) -> None:
        """It is well again."""
        self.by_hook.pop(failing.hook, None)

    def note(self, hook: Hook, failure: str, calls: int = 1) -> bool:
        """A call has failed, `calls` of them for one answer; whether the hook rests from now on."""
        failing = self.by_hook.setdefault(hook, Failing(hook))
        successive = hook.calls <= failing.calls + calls
        failing.in_a_row = failing.in_a_row + 1 if successive else 1
        failing.calls = hook.calls
        failing.failure, failing.failed_at = failure, time.monotonic()
        if not failing.paused:
            failing.pause_seconds = PAUSE_SECONDS
            return False
        failing.until = failing.failed_at + failing.pause_seconds
        failing.pause_seconds = min(2 * failing.pause_seconds, PAUSE_SECONDS_MOST)
        return True

    def rests(self, hook: Hook) -> bool:
        """Whether the hook is not to be called now. Ends a pause whose time is over."""
        failing = self.by_hook.get(hook)
        if failing is None or not failing.rests:
            return False
        if time.monotonic() < failing.until:
            return True
        failing.until, failing.calls = 0.0, hook.calls
        return False


def raised(error: BaseException, hook: Hook) -> str:
    """`raised KeyError at rules.py:12`."""
    name = type(error).__name__[:TYPE_MOST]
    return f"raised {name}{line_of_error(error, hook.plugin) or line_of_hook(hook)}"


def line_of_error(error: BaseException, plugin: Plugin) -> str:
    """` at rules.py:12`: the innermost line of the plugin's own code; "" when it has none in it."""
    folder = _folder(plugin)
    frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    own = [each for each in frames if folder and each[0].startswith(folder)]
    return _at(*own[-1], folder) if own else ""


def line_of_hook(hook: Hook) -> str:
    """` at rules.py:12`: where the hook's function begins."""
    code, folder = getattr(inspect.unwrap(hook.function), "__code__", None), _folder(hook.plugin)
    if code is None or not folder or not code.co_filename.startswith(folder):
        return ""
    return _at(code.co_filename, code.co_firstlineno, folder)


def _at(file: str, line: int, folder: str) -> str:
    return f" at {Path(file).relative_to(Path(folder).parent)}:{line}"


def _folder(plugin: Plugin) -> str:
    """The file of a plugin that is one file, the folder of one that is a package; "" when it has neither."""
    code = plugin.code
    module = code if inspect.ismodule(code) else sys.modules.get(type(code).__module__)
    file = getattr(module, "__file__", None) or ""
    return str(Path(file).parent) if Path(file).name == "__init__.py" else file
