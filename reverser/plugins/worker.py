"""A thread and a Trio loop of one plugin's own, for its effectful hooks.

Whatever a plugin does there, blocking calls included, holds up nothing but itself. A thread that does
not end is left behind with the process.

A `CrossThreadCall` is a call of a hook that somebody waits for, from one Trio loop to another.
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

from reverser.plugins.failures import PAUSE_SECONDS, CircuitBreaker, defined, raised
from reverser.plugins.meter import Meter
from reverser.plugins.plugin import Hook, Plugin
from reverser.text import cut, visible


class CrossThreadCall:
    """Asked in the loop that made it, answered in another thread."""

    def __init__(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._answered = trio.Event()
        self._answer: Any = None
        self._error: BaseException | None = None

    def settle(self, answer: Any, error: BaseException | None) -> None:
        """Called in the plugin's thread; whoever asked may have gone."""
        self._answer, self._error = answer, error
        with suppress(trio.RunFinishedError):
            self._token.run_sync_soon(self._answered.set)

    async def answer(self, seconds: float) -> Any:
        """What the hook answered. Raises what it raised, or TooSlowError."""
        with trio.fail_after(seconds):
            await self._answered.wait()
        if self._error is not None:
            raise self._error
        return self._answer


log = structlog.get_logger()

LIMIT_SECONDS = 30.0
WAITING_MOST = 1000
"""Calls that wait for a slow plugin; what comes beyond is dropped and counted."""
PART_MOST, WORDS_MOST = 100, 500
"""Characters of what a plugin reports: of a part's name, and of what is wrong with it."""
PAUSED = "failed too often in a row and is paused for some minutes"
ENDED = "a task that it left running failed; it is not called again before reverser is restarted"
STUCK = "is blocked in a hook call; further calls are queued"
Call: TypeAlias = tuple[Hook, tuple[Any, ...]]


class PluginWorker:
    """Calls the effectful hooks of one plugin, one after the other, in the order of `tell`."""

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
        self._hooks = hooks
        self._meter = meter
        self._on_trouble = on_trouble
        self._limit = LIMIT_SECONDS if limit_seconds is None else limit_seconds
        self._streak = CircuitBreaker(pause_seconds)
        self._resting = trio.CancelScope()
        self._ending = False
        self._until, self._stuck = math.inf, False
        """When the call of now is overdue; whether that was told."""
        self._told = ""
        self._opened, self._closed = threading.Event(), threading.Event()
        self._failure: BaseException | None = None

    def open(self) -> None:
        """Call `reverser_startup` in a new thread; blocks, and raises what it raised."""
        threading.Thread(target=self._live, name=f"plugin {self.name}", daemon=True).start()
        if not self._opened.wait(self._limit + 1):
            raise TimeoutError(f"took longer than {self._limit:g} s")
        if self._failure is not None:
            raise self._failure

    def tell(self, name: str, *arguments: Any) -> None:
        """Let a hook be called when its turn comes; never waits, never raises."""
        hook = self._hooks.get(name)
        self._look()
        if hook is not None and not self._later(self._take, (hook, arguments)):
            self._meter.failed(hook, "dropped")

    def answers(self, name: str) -> bool:
        """Whether the plugin has such a hook."""
        return name in self._hooks

    async def ask(self, name: str, *arguments: Any) -> Any:
        """What a hook answers, beside all other calls. Raises what it raises, or TooSlowError."""
        question = CrossThreadCall()
        self._later(self._start, question, self._hooks[name], arguments)
        return await question.answer(self._limit + 1)

    def close(self, seconds: float) -> None:
        """Finish what waits, call `reverser_shutdown`, and end; blocks for `seconds` at most."""
        self._later(self._finish)
        if not self._closed.wait(seconds):
            log.warning("plugin did not stop in time", plugin=self.name)

    def _look(self) -> None:
        """A call that blocks its thread cannot be ended; it is told, so that somebody ends the process."""
        if not self._stuck and time.monotonic() > self._until:
            self._stuck = True
            log.warning("plugin is blocked in a hook call", plugin=self.name)
            self._on_trouble(self.plugin, STUCK, "")

    def _later(self, function: Callable[..., object], *arguments: Any) -> bool:
        """Whether there is still a loop to call it."""
        try:
            self._token.run_sync_soon(function, *arguments)
        except trio.RunFinishedError:
            self._closed.set()
            return False
        return True

    def _take(self, call: Call) -> None:
        try:
            self._send.send_nowait(call)
        except trio.WouldBlock:
            self._meter.failed(call[0], "dropped")
        except trio.ClosedResourceError:
            pass

    def _start(self, question: CrossThreadCall, hook: Hook, arguments: tuple[Any, ...]) -> None:
        self._questions.start_soon(self._reply, question, hook, arguments)

    async def _reply(self, question: CrossThreadCall, hook: Hook, arguments: tuple[Any, ...]) -> None:
        question.settle(*await self._call(hook, arguments))

    def _finish(self) -> None:
        self._ending = True
        self._send.close()
        self._resting.cancel()

    def _live(self) -> None:
        try:
            trio.run(self._main)
        except BaseException as error:
            # A task that the plugin has left running. Its error may quote a secret, and is not shown.
            self._failure = error.__cause__ or error
            log.error("plugin stopped with an error", plugin=self.name, error=type(self._failure).__name__)
            self._on_trouble(self.plugin, ENDED, "")
        finally:
            self._opened.set()
            self._closed.set()

    async def _main(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        self._send, calls = trio.open_memory_channel[Call](WAITING_MOST)
        self._failure = await self._called("reverser_startup", self._report)
        if self._failure is None:
            async with trio.open_nursery() as self._questions:
                self._opened.set()
                await self._take_calls(calls)
                self._questions.cancel_scope.cancel()
            await self._called("reverser_shutdown")
        self._opened.set()

    async def _take_calls(self, calls: trio.MemoryReceiveChannel[Call]) -> None:
        async for hook, arguments in calls:
            await self._rest()
            _, error = await self._call(hook, arguments)
            changed = self._streak.ended(time.monotonic(), well=error is None)
            if changed or (self._stuck and error is None):
                self._on_trouble(self.plugin, self._paused, "")
            if error is None:
                self._stuck = False

    @property
    def _paused(self) -> str:
        return f"{self._told}; it {PAUSED}" if self._streak.paused else ""

    async def _rest(self) -> None:
        """Nothing is waited for once the process ends."""
        pause = self._streak.pause(time.monotonic())
        if pause and not self._ending:
            with trio.move_on_after(pause) as self._resting:
                await trio.sleep_forever()

    def _report(self, about: str, what: str) -> None:
        """The plugin's word on a part of it; a report without a part would pass for the host's own."""
        about, what = (
            cut(visible(str(each)), most) for each, most in ((about, PART_MOST), (what, WORDS_MOST))
        )
        self._on_trouble(self.plugin, what, about or "unnamed")

    async def _called(self, name: str, *arguments: Any) -> BaseException | None:
        return (await self._call(self._hooks[name], arguments))[1] if name in self._hooks else None

    async def _call(self, hook: Hook, arguments: tuple[Any, ...]) -> tuple[Any, BaseException | None]:
        began = time.perf_counter()
        self._until = time.monotonic() + 2 * self._limit
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
            self._meter.failed(hook, "slow" if slow else "raised")
            what = f"took longer than {self._limit:g} s{defined(hook)}" if slow else raised(error, hook)
            self._told = f"{hook.name} {what}"
            reason = "slow" if slow else "raised"
            log.warning("plugin hook failed", plugin=self.name, hook=hook.name, reason=reason, error=what)
            log.debug("plugin hook raised", plugin=self.name, hook=hook.name, exc_info=error)
            return None, error
        finally:
            self._until = math.inf
            tally = self._meter.tally(hook)
            tally.calls += 1
            tally.seconds += time.perf_counter() - began
