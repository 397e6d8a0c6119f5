"""The plugins of one process: deciding hooks for each configuration, effectful ones in threads."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import trio

from reverser.builtin_hooks import BuiltInHooks
from reverser.errors import ConfigError, Problem, StalledError
from reverser.model.condition import Condition
from reverser.model.destination import Credentials, Destination
from reverser.model.push import Pushed
from reverser.plugins import watchdog
from reverser.plugins.deciding_hooks import DecidingHooks, PluginHooks
from reverser.plugins.failures import Failures, line_of_error
from reverser.plugins.plugin import Counters, Meter, Plugin, hooks_of
from reverser.plugins.register import register
from reverser.plugins.watchdog import Watchdog
from reverser.plugins.worker import PluginWorker

EFFECTS = (
    "reverser_startup",
    "reverser_credentials",
    "reverser_pushed",
    "reverser_condition",
    "reverser_shutdown",
)
CREDENTIALS = "reverser_credentials"
CLOSE_SECONDS = 5.0


class Host:
    """Plugins that are loaded and configured."""

    def __init__(
        self,
        plugins: Sequence[Plugin] = (),
        settings: Mapping[str, Any] | None = None,
        disabled: Collection[str] = (),
    ) -> None:
        self.plugins = tuple(plugins)
        self.settings = settings or {}
        """Name -> the struct that `reverser_settings` describes, None for a plugin without settings."""
        self._hooks, _ = register(plugins)
        self._meter = Meter(self._hooks)
        self.failures = Failures()
        """Of deciding hooks."""
        self._watchdog = Watchdog(watchdog.LIMIT_SECONDS) if plugins else None
        self._workers: list[PluginWorker] = []
        self.fingerprint = _fingerprint(plugins, self.settings, disabled)
        """Empty without plugins: what they decide is part of what a stream's position is valid for."""

    def count_with(self, counters: Counters) -> None:
        """From now on, count calls there."""
        self._meter.count_with(counters)

    def flush(self) -> None:
        """Hand on the calls that were not counted yet."""
        self._meter.flush()

    def deciding(self, built_in: BuiltInHooks) -> DecidingHooks:
        """The deciding hooks of one configuration; without plugins, the built-in ones."""
        if self._watchdog is None:
            return built_in
        return PluginHooks(built_in, self._hooks, self._meter, self._watchdog, self.failures)

    @asynccontextmanager
    async def logging_in(self) -> AsyncIterator[None]:
        """For commands that end by themselves: plugins that know how to log in run, and no others."""
        await self.open(lambda _plugin, _what, _about: None, having=CREDENTIALS)
        try:
            yield
        finally:
            with trio.CancelScope(shield=True):
                await self.close()

    async def open(self, on_trouble: Callable[[Plugin, str, str], None], having: str = "") -> None:
        """Start what has effects. Raises ConfigError when a plugin does not start.

        `on_trouble` is called in a thread of the plugin's: what is wrong, "" when it is well again; and the
        part of the plugin that it is about, "" for all of it.
        `having` names a hook; plugins without it are not started.
        """
        problems: list[Problem] = []
        for plugin in self.plugins:
            effects = {name: hook for name, hook in hooks_of(plugin, self._hooks).items() if name in EFFECTS}
            if effects and (not having or having in effects):
                problems += await self._start(PluginWorker(plugin, effects, self._meter, on_trouble))
        if problems:
            await self.close()
            raise ConfigError(problems)

    async def _start(self, worker: PluginWorker) -> list[Problem]:
        try:
            await trio.to_thread.run_sync(worker.open)
        except trio.Cancelled:
            raise
        except BaseException as error:
            message = f"did not start: {type(error).__name__}: {error}{line_of_error(error, worker.plugin)}"
            return [Problem(f"plugins.{worker.name}", message)]
        self._workers.append(worker)
        return []

    def pushed(self, push: Pushed) -> None:
        """Call `reverser_pushed` of all; nothing is waited for."""
        for worker in self._workers:
            worker.call_later("reverser_pushed", push)

    def condition(self, condition: Condition) -> None:
        """Call `reverser_condition` of all; nothing is waited for."""
        for worker in self._workers:
            worker.call_later("reverser_condition", condition)

    async def credentials(self, destination: Destination) -> Credentials:
        """How to log in: as the first plugin says that knows, else as the table does. Raises StalledError."""
        for worker in self._workers:
            if CREDENTIALS in worker.hooks:
                credentials = await self._credentials(worker, destination)
                if credentials is not None:
                    return credentials
        return destination.credentials

    async def _credentials(self, worker: PluginWorker, destination: Destination) -> Credentials | None:
        try:
            answer = await worker.ask(CREDENTIALS, destination)
        except trio.Cancelled:
            raise
        except BaseException as error:
            # Its text may quote a secret.
            message = f"plugin {worker.name}: {CREDENTIALS} failed ({type(error).__name__})"
            raise StalledError("CredentialsUnavailable", message, hint="see the plugin's own log") from None
        if answer is not None and not isinstance(answer, Credentials):
            message = f"plugin {worker.name}: {CREDENTIALS} answers {type(answer).__name__}, not Credentials"
            raise StalledError("CredentialsUnavailable", message, hint="docs/plugins.md has an example")
        return answer

    async def close(self) -> None:
        """Let all of them finish, at the same time and not for long."""
        async with trio.open_nursery() as nursery:
            for worker in self._workers:
                nursery.start_soon(trio.to_thread.run_sync, worker.close, CLOSE_SECONDS)
        self._workers.clear()


def _fingerprint(plugins: Sequence[Plugin], settings: Mapping[str, Any], disabled: Collection[str]) -> str:
    if not plugins and not disabled:
        return ""
    # repr: it shows no secret, and one that rotates is no reason to list everything again.
    states = [
        (plugin.name, plugin.origin, plugin.stamp, repr(settings.get(plugin.name))) for plugin in plugins
    ]
    encoded = msgspec.json.encode([states, sorted(disabled)])
    return hashlib.blake2b(encoded, digest_size=8).hexdigest()
