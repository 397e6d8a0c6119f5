"""How long hooks take and how often they fail, by plugin: two counters in memory, one sum a hook."""

from __future__ import annotations

from typing import Protocol

from reverser.plugins.plugin import Hook


class Counters(Protocol):
    """As `reverser.metrics.Metrics` has it."""

    def count(self, name: str, amount: float = 1, **labels: str) -> None: ...


class Meter:
    """Counts calls of hooks that are not built in."""

    def __init__(self, counters: Counters | None) -> None:
        self._counters = counters

    def called(self, hook: Hook, seconds: float) -> None:
        """A call has ended, well or not."""
        labels = {"plugin": hook.plugin.name, "hook": hook.name}
        if self._counters is not None:
            self._counters.count("hook_calls", 1, **labels)
            self._counters.count("hook_seconds", seconds, **labels)

    def failed(self, hook: Hook, reason: str) -> None:
        """A call raised, took too long, or answered what it may not."""
        labels = {"plugin": hook.plugin.name, "hook": hook.name}
        if self._counters is not None:
            self._counters.count("hook_failures", 1, **labels, reason=reason)
