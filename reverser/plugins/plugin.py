"""A loaded plugin, one hook of it, and how often and how long hooks were called.

Calls are added up in the hook and handed on to the metrics now and then: to count each at once would cost
more than most hooks do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec


class Plugin(msgspec.Struct, frozen=True):
    """One plugin, wherever it came from."""

    name: str
    """As in `[plugins] enabled`."""
    code: Any
    """The module or object that has the hooks."""
    origin: str
    """Distribution and version, or the file it was read from."""
    stamp: str = ""
    """Of a file: tells one state of its code from another, as the version does of a distribution."""


class Hook(msgspec.Struct, eq=False):
    """One hook of one plugin. It takes what its function names, of all that the specification has."""

    plugin: Plugin
    name: str
    function: Callable[..., Any]
    positions: tuple[int, ...]
    """Which of the specification's arguments the function takes, in its own order."""
    calls: int = 0
    """In all."""
    counted_calls: int = 0
    """Those that the metrics have."""
    uncounted_seconds: float = 0.0
    """How long the others took."""

    def call(self, *arguments: Any) -> Any:
        """Call it with all arguments of the specification; returns an awaitable for an `async def`."""
        return self.function(*[arguments[position] for position in self.positions])

    def called(self, seconds: float) -> None:
        """A call has ended, well or not."""
        self.calls += 1
        self.uncounted_seconds += seconds


Hooks = Mapping[str, tuple[Hook, ...]]
"""Name of the hook -> who implements it, in the order of calling."""


def hooks_of(plugin: Plugin, hooks: Hooks) -> dict[str, Hook]:
    """The hooks of one plugin, by name."""
    return {hook.name: hook for group in hooks.values() for hook in group if hook.plugin is plugin}


class Counters(Protocol):
    """As `reverser.metrics.Metrics` has it."""

    def count(self, name: str, amount: float = 1, **labels: str) -> None: ...


class Meter:
    """Hands on to the metrics what hooks do."""

    def __init__(self, hooks: Hooks) -> None:
        self._hooks = [hook for group in hooks.values() for hook in group]
        self._counters: Counters | None = None

    def count_with(self, counters: Counters) -> None:
        """From now on, count there."""
        self._counters = counters

    def failed(self, hook: Hook, reason: str) -> None:
        """A call raised, took too long, or answered what it may not."""
        if self._counters is not None:
            self._counters.count("hook_failures", 1, plugin=hook.plugin.name, hook=hook.name, reason=reason)

    def flush(self) -> None:
        """Hand on what was added up. Plugins' threads add to it meanwhile."""
        counters = self._counters
        if counters is None:
            return
        for hook in self._hooks:
            calls, seconds = hook.calls - hook.counted_calls, hook.uncounted_seconds
            if calls:
                counters.count("hook_calls", calls, plugin=hook.plugin.name, hook=hook.name)
                counters.count("hook_seconds", seconds, plugin=hook.plugin.name, hook=hook.name)
                hook.counted_calls += calls
                hook.uncounted_seconds -= seconds
