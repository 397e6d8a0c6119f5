"""Removes the clone of a GitRepoConfig that was deleted.

A GitRepoConfig of the same name may come meanwhile, and its writer opens the same folder. So the folder is
renamed first, which takes no time, and only what has the new name is removed. No GitRepoConfig's name begins
with a dot. What is left over from a removal that was interrupted goes with the next try.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial
from pathlib import Path

import trio

from reverser.model.destination import folder_of

REPOSITORIES = "repositories"
"""The folder of all clones, in the data directory."""


async def remove_clone(repositories: Path, destination: str, written: Callable[[], Collection[str]]) -> bool:
    """Remove the clone, unless a writer needs it: then False. `written` names destinations with a writer."""
    folder = repositories / folder_of(destination)
    removed = folder.with_name(f".{folder.name}")
    await _remove(removed)
    if destination in written():
        return False
    with suppress(OSError):
        folder.rename(removed)
    await _remove(removed)
    namespace, _, _ = destination.rpartition("/")
    if not any(name.startswith(f"{namespace}/") for name in written()):
        with suppress(OSError):  # another clone may be in it
            folder.parent.rmdir()
    return True


async def _remove(folder: Path) -> None:
    await trio.to_thread.run_sync(partial(shutil.rmtree, folder, ignore_errors=True))
