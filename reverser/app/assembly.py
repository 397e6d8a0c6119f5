"""One configuration put together: the routes, what they want to watch, and where streams resume.

A stream's position is only valid for the selection that it was stored with: a rule or a
destination that changed lists the stream's type again, and the journal's records keep that from
making commits of what has not changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import trio

from reverser.app.decider import DeciderProcess, processors, setup_of
from reverser.app.plugin_setup import built_in_hooks
from reverser.config import Config
from reverser.errors import StalledError, TransientError
from reverser.git.remote import Ask
from reverser.intake.route import compile_routes
from reverser.model.change import Stream
from reverser.model.destination import Destination, is_of_resource
from reverser.model.entry import Append
from reverser.model.journal import Journal, cluster_uid_setting
from reverser.model.push import Pushed
from reverser.model.resource import ResourceType
from reverser.model.rule import SanitizeRule, SensitiveRule
from reverser.plugins import Host
from reverser.select.resource_patterns import Meanings, patterns
from reverser.select.rules import CompiledRule
from reverser.select.streams import coverage, streams


class Assembly:
    """The pure parts of one configuration, compiled once."""

    def __init__(self, config: Config, digest_key: bytes, host: Host) -> None:
        self.config = config
        self.hooks = host.deciding(built_in_hooks(config))
        self.on_pushed: Callable[[Pushed], None] | None = host.pushed if host.plugins else None
        self.on_read: Callable[[str, str], None] | None = None
        self.login: Ask | None = host.credentials if host.plugins else None
        self._host = host
        tables = (config.rules, config.destinations, config.sanitize)
        self.routes = compile_routes(*tables, digest_key, self.hooks, config.sensitive)
        parallel = not host.plugins and processors() > 1
        self.decider = DeciderProcess(setup_of(config, digest_key)) if parallel else None
        """Plugins live in this process, so they are asked here."""

    @property
    def destinations(self) -> list[Destination]:
        """The destinations that some rule leads to, and those of custom resources, which are to be ready."""
        used = {route.destination.name for routes in self.routes.values() for route in routes}
        return [each for each in self.config.destinations if each.name in used or is_of_resource(each.name)]

    def clusters_of(self, destination: str) -> list[str]:
        """Names of the clusters whose rules lead to a destination."""
        return [
            cluster
            for cluster, routes in self.routes.items()
            if any(route.destination.name == destination for route in routes)
        ]

    def wanted(self, cluster: str, types: Sequence[ResourceType]) -> Mapping[ResourceType, tuple[str, ...]]:
        """Which of a cluster's types to watch, and in which namespaces (("",) is all of them)."""
        routes = self.routes.get(cluster, [])
        useful = [type_ for type_ in types if any(route.wants_type(type_) for route in routes)]
        return streams(self.compiled(cluster), useful)

    def meanings(self, facts: Mapping[str, str]) -> Meanings:
        """What the patterns mean that leave out something; `facts`: what the journal keeps of that."""
        return Meanings(*patterns(self.config.sensitive, self.config.sanitize, self.config.rules), facts)

    def compiled(self, cluster: str) -> list[CompiledRule]:
        """The rules of one cluster."""
        return [rule for route in self.routes.get(cluster, ()) for rule in route.rules]

    def coverage(self, stream: Stream) -> str:
        """Fingerprint of everything that decides what becomes of a stream's objects."""
        rules = self.compiled(stream.cluster)
        more: list[SanitizeRule | SensitiveRule] = [*self.config.sanitize, *self.config.sensitive]
        fingerprint = coverage(stream, rules, self.config.destinations, more)
        return fingerprint + self._host.fingerprint


async def resume_position(journal: Journal, assembly: Assembly, stream: Stream) -> str:
    """Where a stream goes on; empty: list first. Waits for a journal that cannot be read.

    A type with withheld objects is listed: what stood in their way may be gone.
    """
    while True:
        try:
            version, covered = await journal.position(stream)
            held = any(stream.holds(each.key) for each in await journal.withheld())
        except (TransientError, StalledError):
            await trio.sleep(1)
        else:
            return version if covered == assembly.coverage(stream) and not held else ""


async def keep_meanings(journal: Journal, meanings: Meanings) -> None:
    """Make durable what patterns mean, before anything is decided by it. Waits as `resume_position` does."""
    while facts := meanings.changed():
        try:
            await journal.append(Append(settings=facts))
        except (TransientError, StalledError):
            await trio.sleep(1)
        else:
            meanings.saved(facts)


async def kept_uid(journal: Journal, cluster: str) -> str:
    """The uid of the cluster that the positions are of; empty at first. Waits as `resume_position` does."""
    while True:
        try:
            return await journal.get_setting(cluster_uid_setting(cluster))
        except (TransientError, StalledError):
            await trio.sleep(1)
