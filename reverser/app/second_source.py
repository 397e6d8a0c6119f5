"""Joins the custom resources with the configuration file: one set of destinations and rules.

The file comes first: its destinations and rules are always in force. Custom resources add to them once they
were read. Pushes, reads and conditions go to plugins and to the custom resources' statuses alike.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import msgspec

from reverser.app.assembly import Assembly
from reverser.config import Config
from reverser.custom_resources.model import Compiled
from reverser.custom_resources.source import DaemonView, ResourceSource
from reverser.git.remote import Ask
from reverser.health import Health
from reverser.metrics import Metrics
from reverser.model.condition import Condition
from reverser.model.destination import Credentials, Destination
from reverser.model.journal import Journal
from reverser.model.push import Pushed


class SecondSource:
    """The custom resources of one process, if it reads any."""

    def __init__(self) -> None:
        self._compiled = Compiled()
        self._source: ResourceSource | None = None

    def begin(
        self, config: Config, daemon: DaemonView, journal: Journal, metrics: Metrics, health: Health
    ) -> Callable[[], Awaitable[None]]:
        """Custom resources are read from now on, by the task that is returned."""
        self._source = ResourceSource(config, daemon, journal, metrics, health)
        return self._source.run

    def adopt(self, compiled: Compiled) -> bool:
        """These are in force from now on; whether destinations or rules differ from those before."""
        before, self._compiled = self._compiled, compiled
        return (before.destinations, before.rules) != (compiled.destinations, compiled.rules)

    def configure(self, config: Config) -> None:
        """The file was read again."""
        if self._source is not None:
            self._source.configure(config)

    def combined(self, config: Config) -> Config:
        """The configuration file with what the custom resources add."""
        return combined(config, self._compiled)

    def condition(self, condition: Condition) -> None:
        """A condition changed."""
        if self._source is not None:
            self._source.condition(condition)

    def connect(self, assembly: Assembly) -> Assembly:
        """Log in by Secrets of custom resources, and hear of what the writers of this configuration do."""
        source = self._source
        if source is not None:
            assembly.login = _login(source, assembly.login)
            assembly.on_read = source.read
            assembly.on_pushed = _both(source.pushed, assembly.on_pushed)
        return assembly


def combined(config: Config, compiled: Compiled) -> Config:
    """A configuration file with what custom resources add."""
    return msgspec.structs.replace(
        config,
        destinations=config.destinations + compiled.destinations,
        rules=config.rules + compiled.rules,
    )


def _login(source: ResourceSource, otherwise: Ask | None) -> Ask:
    async def login(destination: Destination) -> Credentials:
        credentials = source.credentials(destination.name)
        if credentials is not None:
            return credentials
        return destination.credentials if otherwise is None else await otherwise(destination)

    return login


def _both(one: Callable[[Pushed], None], other: Callable[[Pushed], None] | None) -> Callable[[Pushed], None]:
    def on_pushed(pushed: Pushed) -> None:
        one(pushed)
        if other is not None:
            other(pushed)

    return on_pushed
