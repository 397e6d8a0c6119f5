"""While a replica follows: the bare repositories of the file's destinations are fetched now and then.

Who takes over then fetches only what is newest, also where the branch has a hundred thousand commits. Errors
are nobody's affair here: the leader meets them too, and says so. Destinations of custom resources are not
fetched, since their logins are read by the leader alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import structlog
import trio

from reverser.errors import StalledError, TransientError
from reverser.git.remote import Ask
from reverser.git.repository import open_repository
from reverser.model.destination import Destination, folder_of

log = structlog.get_logger()

EVERY_SECONDS = 30.0


async def keep_warm(folder: Path, destinations: Iterable[Destination], login: Ask | None) -> None:
    """Fetch these destinations below `folder`, one after the other, again and again until cancelled."""
    wanted = [each for each in destinations if each.mode != "observe" and not each.suspend]
    while True:
        for destination in wanted:
            try:
                repository_folder = folder / folder_of(destination.name)
                async with open_repository(repository_folder, destination, login=login) as repository:
                    await repository.fetch()
            except (StalledError, TransientError) as error:
                log.debug(
                    "follower cannot fetch a destination", destination=destination.name, error=error.message
                )
        await trio.sleep(EVERY_SECONDS)
