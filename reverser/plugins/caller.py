"""Calls the hooks of one name, one after the other, with a limit on their time.

What a failure means is the caller's rule: `asked` either raises WithheldError or passes over it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, MutableSequence
from typing import Any, TypeAlias

import structlog

from reverser.errors import WithheldError
from reverser.plugins.answers import Fault
from reverser.plugins.failures import FAILURES_MOST, Failures, PausedError, defined, place, raised
from reverser.plugins.meter import Meter, Tally
from reverser.plugins.plugin import Hook
from reverser.plugins.watchdog import TooLongError, Watchdog
from reverser.text import cut, visible

log = structlog.get_logger()

LOG_SECONDS = 60.0
"""Between two log lines on one hook: a plugin that always fails must not fill the log."""
WORDS_MOST = 500
"""Characters of what a plugin says about an object that it withholds."""
FAILED, PAUSED = "PluginFailed", "PluginPaused"
"""Why an object is withheld: its own call has failed, or the hook rests."""
RESTS = f"failed {FAILURES_MOST} times in a row and rests for some minutes"
NOTICED_SECONDS = 0.05
"""Who takes longer gets no time from those after it."""
Take: TypeAlias = Callable[[Any], bool]
"""Told of each answer but None; whether that is enough."""


class HookError(Exception):
    """A hook failed; `reason` is one word, `str()` a sentence that quotes nothing of the cluster."""

    def __init__(self, hook: Hook, reason: str, told: str) -> None:
        super().__init__(f"plugin {hook.plugin.name}: {hook.name} {told}")
        self.hook = hook
        self.reason = reason
        self.told = told


class HookCaller:
    """All hooks of one name."""

    def __init__(
        self,
        hooks: Iterable[Hook],
        fault: Fault,
        meter: Meter,
        watchdog: Watchdog | None,
        failures: Failures,
        *,
        strict: bool,
    ) -> None:
        """`fault` tells what is wrong with an answer; `strict` withholds the object of a failure."""
        self.hooks = tuple(hooks)
        self._failures = failures
        failures.watch(self)
        self._meter = meter
        self.refresh()
        self._guarded = any(tally is not None for _, _, tally in self._steps)
        self._fault = fault
        self._watchdog = watchdog
        self._strict = strict
        self._quiet_until: dict[str, float] = {}

    def refresh(self) -> None:
        """A hook rests from now on, or is called again."""
        self._steps = [
            (
                each,
                self._resting(each) if self._failures.rests(each) else each.bound(),
                None if each.plugin.builtin else self._meter.tally(each),
            )
            for each in self.hooks
        ]

    def asked(self, arguments: MutableSequence[Any], take: Take) -> None:
        """Call each with `arguments`, which `take` may change, until one answer is enough.

        Raises WithheldError for a failure where that is the rule.
        """
        if not self._guarded:
            for _, call, _ in self._steps:
                answer = call(arguments)
                if answer is not None and take(answer):
                    return
        elif self._watchdog is not None:
            self._watchdog.start()
            try:
                self._ask(arguments, take)
            finally:
                self._watchdog.stop()
        else:
            self._ask(arguments, take)

    def failed(self, error: HookError, calls: int = 1) -> None:
        """Count and tell a failure, of `calls` of the hook; raises WithheldError where that is the rule."""
        self._meter.failed(error.hook, error.reason)
        name, now = error.hook.plugin.name, time.monotonic()
        if self._failures.note(error.hook, error.told, calls):
            log.warning("plugin paused", plugin=name, hook=error.hook.name, failures_in_a_row=FAILURES_MOST)
        elif now >= self._quiet_until.get(name, 0.0):
            self._quiet_until[name] = now + LOG_SECONDS
            log.warning(
                "plugin hook failed",
                plugin=name,
                hook=error.hook.name,
                reason=error.reason,
                error=error.told,
            )
        self._withhold(error, FAILED)

    def _withhold(self, error: HookError, reason: str) -> None:
        if self._strict:
            hint = "fix the plugin, or take it out"
            raise WithheldError(reason, str(error), hint=hint) from None

    def _resting(self, hook: Hook) -> Callable[[Any], Any]:
        call = hook.bound()

        def rest(arguments: Any) -> Any:
            if self._failures.awake(hook):
                return call(arguments)
            raise PausedError

        return rest

    def _ask(self, arguments: MutableSequence[Any], take: Take) -> None:
        began = time.perf_counter()
        for hook, call, tally in self._steps:
            if tally is None:
                answer = call(arguments)
                began = time.perf_counter()
            else:
                answer, trouble = self._guard(call, arguments)
                # The end of one call begins the next: to look at the clock takes as long as most of them.
                ended = time.perf_counter()
                self._note(tally, ended - began)
                began = ended
                if trouble is not None:
                    if isinstance(trouble, PausedError):
                        self._withhold(HookError(hook, "paused", RESTS), PAUSED)
                    else:
                        self.failed(self._error(hook, trouble))
                    began = time.perf_counter()
                    continue
            if answer is not None and take(answer):
                return

    def _guard(self, call: Callable[..., Any], arguments: Any) -> tuple[Any, BaseException | str | None]:
        """The answer, and what is wrong with it or was raised instead of it."""
        watchdog = self._watchdog
        try:
            try:
                watchdog.inside = True  # type: ignore[union-attr]
                answer = call(arguments)
                return answer, None if answer is None else self._fault(answer) or None
            finally:
                # Before anything is handled: the alarm may ring again while it is.
                watchdog.inside = False  # type: ignore[union-attr]
        except BaseException as error:
            # SystemExit and its like, too: nothing of a plugin's ends the process.
            return None, error

    def _note(self, tally: Tally, spent: float) -> None:
        tally.calls += 1
        tally.seconds += spent
        if spent > NOTICED_SECONDS and self._watchdog is not None:
            self._watchdog.start()

    def _error(self, hook: Hook, trouble: BaseException | str) -> HookError:
        """Raises WithheldError for what a plugin withholds where it has a say."""
        if isinstance(trouble, str):
            return HookError(hook, "wrong", f"{trouble}{defined(hook)}")
        if isinstance(trouble, TooLongError):
            seconds = 0.0 if self._watchdog is None else self._watchdog.seconds
            where = place(trouble, hook.plugin) or defined(hook)
            return HookError(hook, "slow", f"took longer than {seconds:g} s{where}")
        if isinstance(trouble, WithheldError):
            return self._refused(hook, trouble)
        # An error's text may quote values of the object.
        log.debug("plugin hook raised", plugin=hook.plugin.name, hook=hook.name, exc_info=trouble)
        return HookError(hook, "raised", raised(trouble, hook))

    def _refused(self, hook: Hook, error: WithheldError) -> HookError:
        """What a plugin withholds on purpose is no failure of its, where it has a say."""
        if not self._strict:
            return HookError(hook, "raised", "raised WithheldError where it may not withhold")
        reason, told = (cut(visible(str(each)), WORDS_MOST) for each in (error.reason, error.message))
        raise WithheldError(reason, f"plugin {hook.plugin.name}: {told}", hint=error.hint) from None
