"""The plugins of one process: their deciding hooks for whoever decides, their effectful ones on their own.

Third-party plugins live as long as the process; the built-in ones are made anew with each
configuration, which they carry.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import trio

from reverser.errors import ConfigError, Problem, StalledError
from reverser.model.condition import Condition
from reverser.model.destination import Credentials, Destination
from reverser.model.push import Pushed
from reverser.plugins import watchdog
from reverser.plugins.deciding_hooks import Deciding
from reverser.plugins.failures import Failures, place
from reverser.plugins.meter import Counters, Meter
from reverser.plugins.plugin import Plugin
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
LOGIN = "reverser_credentials"
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
        """Name -> what `reverser_settings` was made of, None for a plugin without any."""
        self._disabled = disabled
        self._meter = Meter()
        self.failures = Failures(self._meter)
        """Of deciding hooks."""
        self._watchdog = Watchdog(watchdog.LIMIT_SECONDS) if plugins else None
        self._rooms: list[PluginWorker] = []
        self.fingerprint = _fingerprint(plugins, self.settings, disabled)
        """Empty without plugins: what they decide is part of what a stream's position is valid for."""

    def count_with(self, counters: Counters) -> None:
        """From now on, count calls there."""
        self._meter.count_with(counters)

    def flush(self) -> None:
        """Hand on the calls that were not counted yet."""
        self._meter.flush()

    def all_plugins(self, builtin: Mapping[str, Any]) -> list[Plugin]:
        """The built-in plugins that are not disabled, and the others, in the order of calling."""
        ours = [
            Plugin(name, code, "built in") for name, code in builtin.items() if name not in self._disabled
        ]
        return [*ours, *self.plugins]

    def deciding(self, builtin: Mapping[str, Any]) -> Deciding:
        """The deciding hooks, for one configuration."""
        hooks, problems = register(self.all_plugins(builtin))
        if problems:
            raise ConfigError(problems)
        return Deciding(hooks, self._meter, self._watchdog, self.failures)

    @asynccontextmanager
    async def logging_in(self) -> AsyncIterator[None]:
        """For commands that end by themselves: plugins that know how to log in run, and no others."""
        await self.open(lambda _plugin, _what, _about: None, having=LOGIN)
        try:
            yield
        finally:
            with trio.CancelScope(shield=True):
                await self.close()

    async def open(self, on_trouble: Callable[[Plugin, str, str], None], having: str = "") -> None:
        """Start what has effects. Raises ConfigError when a plugin does not start.

        `on_trouble` is called in a thread of the plugin's: what is wrong, "" when it is well again; and the
        part of the plugin that it is about, "" for all of it.
        `having` names a hook; plugins without it are left alone.
        """
        hooks, _ = register(self.plugins)
        problems: list[Problem] = []
        for plugin in self.plugins:
            own = {name: hook for name in EFFECTS for hook in hooks[name] if hook.plugin is plugin}
            if own and (not having or having in own):
                problems += await self._opened(PluginWorker(plugin, own, self._meter, on_trouble))
        if problems:
            await self.close()
            raise ConfigError(problems)

    async def _opened(self, room: PluginWorker) -> list[Problem]:
        try:
            await trio.to_thread.run_sync(room.open)
        except trio.Cancelled:
            raise
        except BaseException as error:
            where = place(error, room.plugin)
            return [Problem(f"plugins.{room.name}", f"did not start: {type(error).__name__}: {error}{where}")]
        self._rooms.append(room)
        return []

    def pushed(self, push: Pushed) -> None:
        """Tell who wants to know; nothing is waited for."""
        for room in self._rooms:
            room.tell("reverser_pushed", push)

    def condition(self, condition: Condition) -> None:
        """Tell who wants to know; nothing is waited for."""
        for room in self._rooms:
            room.tell("reverser_condition", condition)

    async def credentials(self, destination: Destination) -> Credentials:
        """How to log in: as the first plugin says that knows, else as the table does. Raises StalledError."""
        for room in self._rooms:
            if room.answers(LOGIN):
                found = await self._asked(room, destination)
                if found is not None:
                    return found
        return destination.credentials

    async def _asked(self, room: PluginWorker, destination: Destination) -> Credentials | None:
        try:
            found = await room.ask(LOGIN, destination)
        except trio.Cancelled:
            raise
        except BaseException as error:
            # Its text may quote a secret.
            message = f"plugin {room.name}: {LOGIN} failed ({type(error).__name__})"
            raise StalledError("CredentialsUnavailable", message, hint="see the plugin's own log") from None
        if found is not None and not isinstance(found, Credentials):
            message = f"plugin {room.name}: {LOGIN} answers {type(found).__name__}, not Credentials"
            raise StalledError("CredentialsUnavailable", message, hint="docs/plugins.md has an example")
        return found

    async def close(self) -> None:
        """Let all of them finish, at the same time and not for long."""
        async with trio.open_nursery() as nursery:
            for room in self._rooms:
                nursery.start_soon(trio.to_thread.run_sync, room.close, CLOSE_SECONDS)
        self._rooms.clear()


def _fingerprint(plugins: Sequence[Plugin], settings: Mapping[str, Any], disabled: Collection[str]) -> str:
    if not plugins and not disabled:
        return ""
    # repr: it shows no secret, and one that rotates is no reason to list everything again.
    told = [(plugin.name, plugin.origin, plugin.stamp, repr(settings.get(plugin.name))) for plugin in plugins]
    encoded = msgspec.json.encode([told, sorted(disabled)])
    return hashlib.blake2b(encoded, digest_size=8).hexdigest()
