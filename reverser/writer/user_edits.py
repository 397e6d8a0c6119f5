"""Which of our files a person has edited since we wrote them, kept in the journal.

Our next edit of such a file goes on top and names the person's commit, once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from reverser.bugs import left_out
from reverser.model.ports import Journal


class Touched:
    """path -> newest commit of somebody else that changed it after us, for one destination."""

    def __init__(self, destination: str, journal: Journal) -> None:
        self._fact = f"touched/{destination}"
        self._journal = journal

    async def read(self) -> dict[str, str]:
        """All of them."""
        stored = await self._journal.fact(self._fact)
        with left_out("journal", self._fact):
            return msgspec.json.decode(stored or "{}", type=dict[str, str])
        return {}

    async def write(self, touched: Mapping[str, str]) -> None:
        """Replace them, when that makes a difference."""
        if touched != await self.read():
            await self._journal.set_fact(self._fact, msgspec.json.encode(touched).decode())

    async def forget(self, paths: Iterable[str]) -> None:
        """Our own edits of these are in the branch."""
        gone = set(paths)
        await self.write({path: commit for path, commit in (await self.read()).items() if path not in gone})
