"""One configuration put together: the routes, what they want to watch, and where streams resume.

A stream's position is only valid for the selection that it was stored with: a rule or a
destination that changed lists the stream's type again, and the journal's records keep that from
making commits of what has not changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import structlog
import trio

from reverser.config import Config
from reverser.errors import StalledError, TransientError
from reverser.model.change import Stream
from reverser.model.destination import Destination
from reverser.model.identity import Identities
from reverser.model.ports import Journal
from reverser.model.resource import ResourceType
from reverser.stages.identity import compile_identities
from reverser.stages.mailmap import Mailmap
from reverser.stages.route import compile_routes
from reverser.stages.select.streams import coverage, streams

log = structlog.get_logger()


class Assembly:
    """The pure parts of one configuration, compiled once."""

    def __init__(self, config: Config, digest_key: bytes) -> None:
        self.config = config
        self.routes = compile_routes(config.rules, config.destinations, config.sanitize, digest_key)
        self.identify = compile_identities(config.identities.rules, _mailmap(config.identities))

    @property
    def destinations(self) -> list[Destination]:
        """The destinations that some rule leads to."""
        used = {route.destination.name for routes in self.routes.values() for route in routes}
        return [destination for destination in self.config.destinations if destination.name in used]

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
        return streams([rule for route in routes for rule in route.rules], useful)

    def coverage(self, stream: Stream) -> str:
        """Fingerprint of everything that decides what becomes of a stream's objects."""
        rules = [rule for route in self.routes.get(stream.cluster, ()) for rule in route.rules]
        return coverage(stream, rules, self.config.destinations, self.config.sanitize)


def _mailmap(identities: Identities) -> Mailmap:
    """Empty when the file went away since the configuration was read."""
    if not identities.mailmap:
        return Mailmap()
    try:
        return Mailmap(Path(identities.mailmap).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        log.warning("mailmap cannot be read", file=identities.mailmap, error=str(error))
        return Mailmap()


async def resume_position(journal: Journal, assembly: Assembly, stream: Stream) -> str:
    """Where a stream goes on; empty: list first. Waits for a journal that cannot be read."""
    while True:
        try:
            version, covered = await journal.position(stream)
        except (TransientError, StalledError):
            await trio.sleep(1)
        else:
            return version if covered == assembly.coverage(stream) else ""


async def settle_places(journal: Journal, destinations: Sequence[Destination]) -> None:
    """A destination whose repository, branch or mode changed is a new place: snapshotted afresh."""
    for destination in destinations:
        place = msgspec.json.encode([destination.url, destination.branch, destination.mode]).decode()
        fact = f"place/{destination.name}"
        stored = await journal.fact(fact)
        if stored not in ("", place):
            await journal.forget(destination.name)
        if stored != place:
            await journal.set_fact(fact, place)
