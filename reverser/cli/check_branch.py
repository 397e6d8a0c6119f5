"""What people have in a remote branch, for `reverser check`: what is edited there, and what is left alone.

The branch is fetched into a folder that goes again. Files that a daemon made are none of people's: their
history tells them, for the first commit of such a file carries our trailers.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from reverser.errors import StalledError, TransientError
from reverser.git.remote import Ask
from reverser.git.repository import open_repository
from reverser.manifest.object_index import Told
from reverser.model.destination import Destination
from reverser.writer.other_manifests import Others


async def described(destination: Destination, login: Ask | None = None) -> tuple[list[Told], str]:
    """(every object that a file of somebody else describes, why they cannot be told)."""
    with tempfile.TemporaryDirectory(prefix="reverser-check-") as folder:
        try:
            async with open_repository(Path(folder), destination, login=login) as repository:
                head = await repository.fetch()
                made: dict[str, bool] = {}
                for commit in await repository.landed("", head) if head else ():
                    for path in commit.paths:
                        made.setdefault(path, bool(commit.entries))
                others = Others(repository, destination.path)
                await others.move(head, [path for path, ours in made.items() if ours])
                return others.told(), ""
        except (StalledError, TransientError) as error:
            return [], error.message
