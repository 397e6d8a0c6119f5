"""Drops what is journaled for GitRepoConfigs that were deleted. No file is touched.

Which ones there were tells the journal: it stores where each destination is. They are dropped only after all
GitRepoConfigs were listed, so that one that was not read yet is never taken for deleted.
"""

from __future__ import annotations

from collections.abc import Collection

import structlog

from reverser.custom_resources.events import Event, EventSender
from reverser.custom_resources.model import Name, ObjectRef
from reverser.custom_resources.proven import name_of
from reverser.errors import StalledError, TransientError
from reverser.model.destination import is_of_resource
from reverser.model.journal import Journal

log = structlog.get_logger()

LOCATION = "place/"


class DeletedConfigs:
    """Compares the journal with the GitRepoConfigs that there are."""

    def __init__(self, journal: Journal, events: EventSender) -> None:
        self._journal = journal
        self._events = events
        self._known: frozenset[Name] | None = None

    async def drop(self, known: Collection[Name]) -> list[str]:
        """Drop what is journaled for all others, and name their destinations.

        A journal that cannot be written is tried next time.
        """
        names, dropped = frozenset(known), list[str]()
        if names == self._known:
            return dropped
        try:
            stored = await self._journal.get_settings(LOCATION)
            for setting, text in stored.items():
                destination = setting.removeprefix(LOCATION)
                if text and is_of_resource(destination) and name_of(destination) not in names:
                    await self._drop(destination)
                    dropped.append(destination)
        except (TransientError, StalledError):
            return dropped
        self._known = names
        return dropped

    async def _drop(self, destination: str) -> None:
        pending = (await self._journal.backlog(destination)).entries
        await self._journal.forget_destination(destination)
        await self._journal.set_setting(f"{LOCATION}{destination}", "")
        log.info(
            "GitRepoConfig was deleted, its destination is dropped", destination=destination, pending=pending
        )
        note = f"deleted: {pending} pending changes were dropped, no file in the repository was touched"
        self._events.send(
            Event(ObjectRef("GitRepoConfig", name_of(destination)), "", "Normal", "DestinationDropped", note)
        )
