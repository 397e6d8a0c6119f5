"""A thread and a Trio loop of one plugin's own, for its effectful hooks.

Whatever a plugin does there, blocking calls included, holds up nothing but itself. A thread that does
not end is left behind with the process.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, TypeAlias

import structlog
import trio

from reverser.plugins.failures import FAILURES_MOST, PAUSE_SECONDS, line_of_hook, raised
from reverser.plugins.plugin import Hook, Meter, Plugin
from reverser.text import cut, visible

log = structlog.get_logger()

LIMIT_SECONDS = 30.0
WAITING_MOST = 1000
"""Calls that wait for a slow plugin; what comes beyond is dropped and counted."""
PART_MOST, TEXT_MOST = 100, 500
"""Characters of what a plugin reports: of a part's name, and of what is wrong with it."""
PAUSED = "failed too often in a row and is paused for some minutes"
ENDED = "a task that it left running failed; it is not called again before reverser is restarted"
STUCK = "is blocked in a hook call; further calls are queued"
Call: TypeAlias = tuple[Hook, tuple[Any, ...]]


class PluginWorker:
    """Calls the effectful hooks of one plugin, one after the other, in the order of `call_later`."""

    def __init__(
        self,
        plugin: Plugin,
        hooks: Mapping[str, Hook],
        meter: Meter,
        on_trouble: Callable[[Plugin, str, str], None],
        limit_seconds: float | None = None,
        pause_seconds: float = PAUSE_SECONDS,
    ) -> None:
        """`on_trouble` is called in the plugin's thread: what is wrong, or "" again; with what part."""
        self.plugin = plugin
        self.name = plugin.name
        self.hooks = hooks
        self._meter = meter
        self._on_trouble = on_trouble
        self._limit = LIMIT_SECONDS if limit_seconds is None else limit_seconds
        self._pause_seconds = pause_seconds
        self._failures_in_a_row, self._last_failure, self._paused_until = 0, "", 0.0
        self._pause_scope = trio.CancelScope()
        self._ending = False
        self._overdue_at, self._stuck = math.inf, False
        """When the call of now is overdue; whether that was reported."""
        self._started, self._ended = threading.Event(), threading.Event()
        self._error: BaseException | None = None
        """Why the plugin did not start, or has ended."""

    def open(self) -> None:
        """Call `reverser_startup` in a new thread; blocks, and raises what it raised."""
        threading.Thread(target=self._run, name=f"plugin {self.name}", daemon=True).start()
        if not self._started.wait(self._limit + 1):
            raise TimeoutError(f"took longer than {self._limit:g} s")
        if self._error is not None:
            raise self._error

    def call_later(self, name: str, *arguments: Any) -> None:
        """Let a hook be called when its turn comes; never waits, never raises."""
        hook = self.hooks.get(name)
        self._check_stuck()
        if hook is not None and not self._in_loop(self._enqueue, (hook, arguments)):
            self._meter.failed(hook, "dropped")

    async def ask(self, name: str, *arguments: Any) -> Any:
        """What a hook answers, beside all other calls. Raises what it raises, or TooSlowError."""
        token, done = trio.lowlevel.current_trio_token(), trio.Event()
        result: list[tuple[Any, BaseException | None]] = []

        async def call() -> None:
            result.append(await self._call(self.hooks[name], arguments))
            with suppress(trio.RunFinishedError):  # whoever asked may have gone
                token.run_sync_soon(done.set)

        self._in_loop(lambda: self._asks.start_soon(call))
        with trio.fail_after(self._limit + 1):
            await done.wait()
        [(answer, error)] = result
        if error is not None:
            raise error
        return answer

    def close(self, seconds: float) -> None:
        """Finish what waits, call `reverser_shutdown`, and end; blocks for `seconds` at most."""
        self._in_loop(self._end)
        if not self._ended.wait(seconds):
            log.warning("plugin did not stop in time", plugin=self.name)

    def _check_stuck(self) -> None:
        """A call that blocks its thread cannot be ended; it is reported, so that a person can act."""
        if not self._stuck and time.monotonic() > self._overdue_at:
            self._stuck = True
            log.warning("plugin is blocked in a hook call", plugin=self.name)
            self._on_trouble(self.plugin, STUCK, "")

    def _in_loop(self, function: Callable[..., object], *arguments: Any) -> bool:
        """Let the plugin's loop call it; whether there still is one."""
        try:
            self._token.run_sync_soon(function, *arguments)
        except trio.RunFinishedError:
            self._ended.set()
            return False
        return True

    def _enqueue(self, call: Call) -> None:
        try:
            self._send.send_nowait(call)
        except trio.WouldBlock:
            self._meter.failed(call[0], "dropped")
        except trio.ClosedResourceError:
            pass

    def _end(self) -> None:
        self._ending = True
        self._send.close()
        self._pause_scope.cancel()

    def _run(self) -> None:
        try:
            trio.run(self._main)
        except BaseException as error:
            # A task that the plugin has left running. Its error may quote a secret, and is not shown.
            self._error = error.__cause__ or error
            log.error("plugin stopped with an error", plugin=self.name, error=type(self._error).__name__)
            self._on_trouble(self.plugin, ENDED, "")
        finally:
            self._started.set()
            self._ended.set()

    async def _main(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._send, calls = trio.open_memory_channel[Call](WAITING_MOST)
        self._error = await self._call_if_present("reverser_startup", self._report)
        if self._error is None:
            async with trio.open_nursery() as self._asks:
                self._started.set()
                async for hook, arguments in calls:
                    await self._pause()
                    _, error = await self._call(hook, arguments)
                    self._count(error)
                self._asks.cancel_scope.cancel()
            await self._call_if_present("reverser_shutdown")
        self._started.set()

    def _count(self, error: BaseException | None) -> None:
        """Count failures in a row, and report when the plugin begins to be paused, or is well again."""
        was_paused = self._paused
        self._failures_in_a_row = 0 if error is None else self._failures_in_a_row + 1
        self._paused_until = time.monotonic() + self._pause_seconds if self._paused else 0.0
        if self._paused is not was_paused or (self._stuck and error is None):
            self._on_trouble(self.plugin, f"{self._last_failure}; it {PAUSED}" if self._paused else "", "")
        if error is None:
            self._stuck = False

    @property
    def _paused(self) -> bool:
        return self._failures_in_a_row >= FAILURES_MOST

    async def _pause(self) -> None:
        """Nothing is waited for once the process ends."""
        seconds = self._paused_until - time.monotonic()
        if seconds > 0 and not self._ending:
            with trio.move_on_after(seconds) as self._pause_scope:
                await trio.sleep_forever()

    def _report(self, about: str, what: str) -> None:
        """A plugin's report on a part of it; one without a part would pass for the host's own."""
        part, text = cut(visible(str(about)), PART_MOST), cut(visible(str(what)), TEXT_MOST)
        self._on_trouble(self.plugin, text, part or "unnamed")

    async def _call_if_present(self, name: str, *arguments: Any) -> BaseException | None:
        return (await self._call(self.hooks[name], arguments))[1] if name in self.hooks else None

    async def _call(self, hook: Hook, arguments: tuple[Any, ...]) -> tuple[Any, BaseException | None]:
        began = time.perf_counter()
        self._overdue_at = time.monotonic() + 2 * self._limit
        try:
            with trio.fail_after(self._limit):
                answer = await hook.call(*arguments)
                # One that has blocked its thread was not interrupted, and is late all the same.
                await trio.lowlevel.checkpoint()
                return answer, None
        except trio.Cancelled:
            raise
        except BaseException as error:
            # SystemExit and its like, too: the thread would end, and nobody would know.
            slow = isinstance(error, trio.TooSlowError)
            reason = "slow" if slow else "raised"
            failure = (
                f"took longer than {self._limit:g} s{line_of_hook(hook)}" if slow else raised(error, hook)
            )
            self._last_failure = f"{hook.name} {failure}"
            self._meter.failed(hook, reason)
            log.warning("plugin hook failed", plugin=self.name, hook=hook.name, reason=reason, error=failure)
            log.debug("plugin hook raised", plugin=self.name, hook=hook.name, exc_info=error)
            return None, error
        finally:
            self._overdue_at = math.inf
            hook.called(time.perf_counter() - began)
