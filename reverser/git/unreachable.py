"""Drops what no ref reaches: commits that were written and never pushed.

A batch whose parent is no longer the remote's head is written anew on another, and a signature can differ
each time. Git keeps what nobody reaches in its packs for ever, and `housekeeping` only joins packs. So we
count what is written and does not land, and from a certain size on have git leave it out. Nothing else
writes meanwhile: git would take an object that is just being dropped for one that is there.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import structlog

from reverser.errors import TransientError
from reverser.git.process import Git
from reverser.model.commit import Commit

log = structlog.get_logger()

BYTES_MOST = 32 * 1024 * 1024
"""Of content and commits that did not land, before git compresses them."""
COMMIT_BYTES = 1500
"""About what a commit and its trees take."""
KEPT_PACK_BYTES = 256 * 1024 * 1024
"""A larger pack is left as it is: to write it anew costs more than it gives back."""
LOOSE_KEPT = "1.hour.ago"
"""Younger files may be of a fetch that is going on."""
SILENT_SECONDS = 3600.0


class UnreachableObjects:
    """What the local repository holds and the remote will never have, by size."""

    def __init__(self, git: Git, *, leftover: bool) -> None:
        """`leftover`: an earlier process has left some."""
        self._git = git
        self._waiting: dict[str, int] = {}
        """Size of each batch that was written and has not landed, by its newest commit."""
        self._lost = BYTES_MOST if leftover else 0

    def written(self, head: str, commits: Iterable[Commit]) -> None:
        """A batch is in the local repository; when it is written again as the same commits it counts once."""
        sizes = (COMMIT_BYTES + sum(edit.size for edit in each.edits) for each in commits)
        self._waiting[head] = sum(sizes)

    def landed(self, head: str) -> None:
        """The batch is in the remote's branch."""
        self._waiting.pop(head, None)

    def copied(self, commits: int) -> None:
        """So many commits were copied, and are not needed any more."""
        self._lost += commits * COMMIT_BYTES // 4

    @property
    def many(self) -> bool:
        """Whether it is worth the effort to drop them."""
        return self._lost + sum(self._waiting.values()) >= BYTES_MOST

    async def drop(self) -> bool:
        """Have git leave out what no ref reaches; False when it could not."""
        self._waiting.clear()
        self._lost = 0
        try:
            await self._run("repack", "-a", "-d", "-q", "--threads=1", *self._large_packs())
            await self._run("prune", f"--expire={LOOSE_KEPT}")
        except TransientError as error:
            log.warning(
                "unreachable Git objects cannot be removed", folder=str(self._git.folder), error=str(error)
            )
            return False
        return True

    async def _run(self, *arguments: str) -> None:
        settings = (("repack.writeBitmaps", "false"),)
        done = await self._git.run(*arguments, settings=settings, silent_seconds=SILENT_SECONDS)
        if done.code:
            raise TransientError(done.stderr.strip() or f"git {arguments[0]} failed")

    def _large_packs(self) -> list[str]:
        packs = (self._git.folder / "objects" / "pack").glob("*.pack")
        return [f"--keep-pack={pack.name}" for pack in packs if _size(pack) > KEPT_PACK_BYTES]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
