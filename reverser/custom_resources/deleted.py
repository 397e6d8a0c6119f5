"""Drops what is journaled for GitRepoConfigs that were deleted. No file is touched.

Which ones there were tells the journal: it stores where each destination is. One that is not among those that
were read need not be deleted: `[resources]` may select others than before. So the API server is asked for
each by its name, and only one that does not exist is dropped.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection

import structlog
import trio

from reverser.custom_resources.api_types import GROUP, PLURALS, VERSION
from reverser.custom_resources.events import Event, EventSender
from reverser.custom_resources.model import ObjectName, ObjectRef
from reverser.custom_resources.proven import name_of
from reverser.errors import StalledError, TransientError
from reverser.kube.client import Client
from reverser.kube.errors import NotFound
from reverser.model.destination import is_of_resource
from reverser.model.journal import LOCATIONS, Journal

log = structlog.get_logger()

RETRY_SECONDS = 60.0
"""After an answer that says neither that a GitRepoConfig exists nor that it does not."""


class DeletedConfigs:
    """Compares the journal with the GitRepoConfigs that there are."""

    def __init__(
        self,
        journal: Journal,
        events: EventSender,
        on_dropped: Callable[[str], None],
        drop: Callable[[str], Awaitable[None]],
    ) -> None:
        """`drop` removes what the daemon has of a destination; `on_dropped` is called once nothing of it is
        journaled any more.
        """
        self._drop_elsewhere = drop
        self._journal = journal
        self._events = events
        self._on_dropped = on_dropped
        self._names = frozenset[ObjectName]()
        self._followed = False
        self._changed = trio.Event()

    def follow(self, known: Collection[ObjectName]) -> None:
        """All GitRepoConfigs that `[resources]` selects are these."""
        names = frozenset(known)
        if names != self._names or not self._followed:
            self._names, self._followed = names, True
            self._changed.set()

    async def run(self, client: Client) -> None:
        """Drop what was deleted, until cancelled."""
        while True:
            await self._changed.wait()
            self._changed = trio.Event()
            if not await self._drop_deleted(client):
                await trio.sleep(RETRY_SECONDS)
                self._changed.set()

    async def _drop_deleted(self, client: Client) -> bool:
        """Whether the API server and the journal gave an answer about each."""
        answered = True
        try:
            for destination in await self._missing():
                try:
                    exists = await _exists(client, name_of(destination))
                except (TransientError, StalledError):
                    answered = False
                    continue
                if not exists and name_of(destination) not in self._names:
                    await self.drop(destination)
        except (TransientError, StalledError):
            return False
        return answered

    async def _missing(self) -> list[str]:
        """Destinations that the journal knows, and whose GitRepoConfig was not read."""
        stored = await self._journal.get_settings(LOCATIONS)
        names = ((setting.removeprefix(LOCATIONS), text) for setting, text in stored.items())
        return [
            name for name, text in names if text and is_of_resource(name) and name_of(name) not in self._names
        ]

    async def drop(self, destination: str) -> None:
        """Drop what is journaled for a destination that nobody writes to. Raises the journal's errors."""
        pending = (await self._journal.backlog(destination)).entries
        await self._drop_elsewhere(destination)
        await self._journal.forget_destination(destination)
        await self._journal.set_setting(f"{LOCATIONS}{destination}", "")
        self._on_dropped(destination)
        log.info(
            "GitRepoConfig was deleted, its destination is dropped", destination=destination, pending=pending
        )
        note = f"deleted: {pending} pending changes were dropped, no file in the repository was touched"
        self._events.send(
            Event(ObjectRef("GitRepoConfig", name_of(destination)), "", "Normal", "DestinationDropped", note)
        )


async def _exists(client: Client, name: ObjectName) -> bool:
    """Raises ReverserError where the API server does not tell."""
    collection = f"/apis/{GROUP}/{VERSION}/namespaces/{name.namespace}/{PLURALS['GitRepoConfig']}"
    try:
        await client.get(f"{collection}/{name.name}")
    except NotFound:
        return False
    return True
