"""Calls the deciding hooks of one name, one after the other, with a limit on their time.

What a failure means is the hook's rule: those of WITHHOLDING withhold the object, others are passed over.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, NoReturn

import structlog

from reverser.errors import WithheldError
from reverser.plugins.answers import FAULTS
from reverser.plugins.failures import FAILURES_MOST, Failures, line_of_error, line_of_hook, raised
from reverser.plugins.plugin import Hook, Meter
from reverser.plugins.watchdog import TooLongError, Watchdog
from reverser.text import cut, visible

log = structlog.get_logger()

WITHHOLDING = ("reverser_select", "reverser_sanitize", "reverser_layout")
"""Safety fails closed: an object that these were to judge, clean or give a path is withheld."""
LOG_SECONDS = 60.0
"""Between two log lines on one plugin: one that always fails must not fill the log."""
TEXT_MOST = 500
"""Characters of what a plugin says about an object that it withholds."""
FAILED, PAUSED = "PluginFailed", "PluginPaused"
"""Why an object is withheld: its own call has failed, or the hook rests."""
RESTS = f"failed {FAILURES_MOST} times in a row and rests for some minutes"
SLOW_SECONDS = 0.05
"""A hook that takes longer gets no time from those after it."""


class HookError(Exception):
    """A hook failed; `reason` is one word for the metrics, `failure` quotes nothing of the cluster."""

    def __init__(self, hook: Hook, reason: str, failure: str) -> None:
        super().__init__(f"plugin {hook.plugin.name}: {hook.name} {failure}")
        self.hook = hook
        self.reason = reason
        self.failure = failure


class HookCaller:
    """All hooks of one name."""

    def __init__(self, hooks: Sequence[Hook], meter: Meter, watchdog: Watchdog, failures: Failures) -> None:
        self.hooks = hooks
        self._meter = meter
        self._watchdog = watchdog
        self._failures = failures
        self._quiet_until: dict[str, float] = {}

    def alone(self) -> Iterator[HookCaller]:
        """A caller for each hook."""
        for hook in self.hooks:
            yield HookCaller([hook], self._meter, self._watchdog, self._failures)

    def answers(self, arguments: Sequence[Any]) -> Iterator[Any]:
        """Call one hook after the other; yield what each answers but None.

        `arguments` may be changed between two calls. Raises WithheldError where a failure means that.
        """
        if not self.hooks:
            return
        self._watchdog.start()
        try:
            began = time.perf_counter()
            for hook in self.hooks:
                if self._failures.by_hook and self._failures.rests(hook):
                    self._withhold(HookError(hook, "paused", RESTS), PAUSED)
                    continue
                answer, trouble = self._call(hook, arguments)
                # The end of one call begins the next: to look at the clock takes as long as most of them.
                ended = time.perf_counter()
                hook.called(ended - began)
                if ended - began > SLOW_SECONDS:
                    self._watchdog.start()
                began = ended
                if trouble is not None:
                    self.failed(self._error(hook, trouble))
                    began = time.perf_counter()
                elif answer is not None:
                    yield answer
        finally:
            self._watchdog.stop()

    def failed(self, error: HookError, calls: int = 1) -> None:
        """Count and log a failure, of `calls` of the hook; raises WithheldError where that is the rule."""
        hook = error.hook
        self._meter.failed(hook, error.reason)
        name, now = hook.plugin.name, time.monotonic()
        if self._failures.note(hook, error.failure, calls):
            log.warning("plugin paused", plugin=name, hook=hook.name, failures_in_a_row=FAILURES_MOST)
        elif now >= self._quiet_until.get(name, 0.0):
            self._quiet_until[name] = now + LOG_SECONDS
            log.warning(
                "plugin hook failed", plugin=name, hook=hook.name, reason=error.reason, error=error.failure
            )
        self._withhold(error, FAILED)

    def _withhold(self, error: HookError, reason: str) -> None:
        if error.hook.name in WITHHOLDING:
            hint = "fix the plugin, or take it out"
            raise WithheldError(reason, str(error), hint=hint) from None

    def _call(self, hook: Hook, arguments: Sequence[Any]) -> tuple[Any, BaseException | str | None]:
        """The answer, and what is wrong with it or was raised instead of it."""
        watchdog = self._watchdog
        try:
            try:
                watchdog.inside = True
                answer = hook.call(*arguments)
                return answer, None if answer is None else FAULTS[hook.name](answer) or None
            finally:
                # Before anything is handled: the alarm may ring again while it is.
                watchdog.inside = False
        except BaseException as error:
            # SystemExit and its like, too: nothing of a plugin's ends the process.
            return None, error

    def _error(self, hook: Hook, trouble: BaseException | str) -> HookError:
        """Raises WithheldError for what a plugin withholds on purpose, which is no failure."""
        if isinstance(trouble, str):
            return HookError(hook, "wrong", f"{trouble}{line_of_hook(hook)}")
        if isinstance(trouble, TooLongError):
            line = line_of_error(trouble, hook.plugin) or line_of_hook(hook)
            return HookError(hook, "slow", f"took longer than {self._watchdog.seconds:g} s{line}")
        if isinstance(trouble, WithheldError):
            if hook.name in WITHHOLDING:
                _withheld_by(hook, trouble)
            return HookError(hook, "raised", "raised WithheldError where it may not withhold")
        # An error's text may quote values of the object.
        log.debug("plugin hook raised", plugin=hook.plugin.name, hook=hook.name, exc_info=trouble)
        return HookError(hook, "raised", raised(trouble, hook))


def _withheld_by(hook: Hook, error: WithheldError) -> NoReturn:
    reason, message = (cut(visible(str(each)), TEXT_MOST) for each in (error.reason, error.message))
    raise WithheldError(reason, f"plugin {hook.plugin.name}: {message}", hint=error.hint) from None
