"""How long hooks take and how often they fail, by plugin.

Calls are added up where they are made and handed on now and then: to count each at once would cost
more than most hooks do.
"""

from __future__ import annotations

from typing import Protocol

from reverser.plugins.plugin import Hook


class Counters(Protocol):
    """As `reverser.metrics.Metrics` has it."""

    def count(self, name: str, amount: float = 1, **labels: str) -> None: ...


class Tally:
    """The calls of one hook since they were last handed on."""

    __slots__ = ("calls", "flushed", "hook", "seconds")

    def __init__(self, hook: Hook) -> None:
        self.hook = hook
        self.calls = 0
        self.seconds = 0.0
        self.flushed = 0
        """Calls that were handed on."""


class Meter:
    """The tallies of one process."""

    def __init__(self) -> None:
        self._counters: Counters | None = None
        self._tallies: dict[tuple[str, str], Tally] = {}

    def count_with(self, counters: Counters) -> None:
        """From now on, count there."""
        self._counters = counters

    def tally(self, hook: Hook) -> Tally:
        """Where the calls of a hook are added up."""
        return self._tallies.setdefault((hook.plugin.name, hook.name), Tally(hook))

    def calls(self, hook: Hook) -> int:
        """How many there were in all."""
        tally = self.tally(hook)
        return tally.flushed + tally.calls

    def failed(self, hook: Hook, reason: str) -> None:
        """A call raised, took too long, or answered what it may not."""
        if self._counters is not None:
            self._counters.count("hook_failures", 1, plugin=hook.plugin.name, hook=hook.name, reason=reason)

    def flush(self) -> None:
        """Hand on what was added up."""
        if self._counters is None:
            return
        for (plugin, name), tally in [*self._tallies.items()]:  # plugins' threads add to it
            calls, seconds = tally.calls, tally.seconds
            if calls:
                self._counters.count("hook_calls", calls, plugin=plugin, hook=name)
                self._counters.count("hook_seconds", seconds, plugin=plugin, hook=name)
                tally.calls -= calls
                tally.flushed += calls
                tally.seconds -= seconds
