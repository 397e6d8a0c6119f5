"""What the journal stores about the files of others in a branch: whose they are, and which journals we
adopted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from reverser.model.repository import Landed
from reverser.writer.destination_context import DestinationContext
from reverser.writer.file_owner import DaemonIdentity, Files, Owner, journals, maker


class Known(msgspec.Struct, frozen=True):
    """The files of others, as far as they concern us."""

    root: str
    """The destination's folder when they were looked for: in another one they have to be looked for again."""
    others: dict[str, str]
    """As in `writer.file_owner.Files`, like the next."""
    edited: dict[str, str] = {}


class Owners:
    """Facts of one destination."""

    def __init__(self, context: DestinationContext) -> None:
        self._destination = context.name
        self._root = context.root
        self._journal = context.journal

    async def read(self) -> Files | None:
        """Files of others up to the head that the journal knows; None: the history has to be read."""
        stored = await self._journal.get_setting(f"others/{self._destination}")
        known = msgspec.json.decode(stored, type=Known) if stored else None
        if known is None or known.root != self._root:
            return None
        return Files({}, known.others, known.edited)

    async def any(self) -> bool:
        """Whether anything was ever kept: not so before format 4 of the journal."""
        return bool(await self._journal.get_setting(f"others/{self._destination}"))

    async def write(self, files: Files) -> None:
        """Keep them, when that makes a difference."""
        kept = Files({}, files.others, files.edited)
        if kept != await self.read():
            stored = msgspec.json.encode(Known(self._root, kept.others, kept.edited)).decode()
            await self._journal.set_setting(f"others/{self._destination}", stored)

    async def adopted(self, paths: Mapping[str, bool], gone: Collection[str]) -> None:
        """Objects have their place in files of people, which we changed (True), or which said all of it."""
        files = await self.read()
        if files is None:
            return  # the whole history will be read
        for path, changed in paths.items():
            if path in gone:
                files.drop(path)
            else:
                (files.edited if changed else files.others).setdefault(path, "")
        await self.write(files)

    async def followed(self) -> frozenset[str]:
        """Journals whose files were taken over."""
        stored = await self._journal.get_setting(f"followed/{self._destination}")
        return msgspec.json.decode(stored, type=frozenset[str]) if stored else frozenset()

    async def follow(self, us: DaemonIdentity, landed: Sequence[Landed]) -> None:
        """Remember the journals of these commits that are taken for ours: `adopt` may be taken out later."""
        ours = (journals(commit) for commit in landed if maker(commit, us) is Owner.OURS)
        found = {journal for each in ours for journal in each if not us.knows(journal)} | us.followed
        if found != await self.followed():
            stored = msgspec.json.encode(sorted(found)).decode()
            await self._journal.set_setting(f"followed/{self._destination}", stored)

    async def doubts(self) -> set[str]:
        """Why records need not be what is in the branch: `place` or `mode` changed since."""
        return set((await self._journal.get_setting(f"unsure/{self._destination}")).split())

    async def sure(self) -> None:
        """They are now."""
        if await self.doubts():
            await self._journal.set_setting(f"unsure/{self._destination}", "")
