"""What the journal stores about the files of others in a branch: whose they are, and which journals we
adopted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from reverser.model.repository import Landed
from reverser.writer.destination_context import DestinationContext
from reverser.writer.file_owner import DaemonIdentity, Files, Owner, journals, maker


class StoredFiles(msgspec.Struct, frozen=True):
    """The files of others, as far as they concern us."""

    root: str
    """The destination's folder when they were looked for: in another one they have to be looked for again."""
    others: dict[str, str]
    """As in `writer.file_owner.Files`, like the next."""
    edited: dict[str, str] = {}


class StoredOwners:
    """The settings of one destination."""

    def __init__(self, context: DestinationContext) -> None:
        self._destination = context.name
        self._root = context.root
        self._journal = context.journal

    async def read(self) -> Files | None:
        """Files of others up to the head that the journal knows; None: the history has to be read."""
        stored = await self._journal.get_setting(f"others/{self._destination}")
        known = msgspec.json.decode(stored, type=StoredFiles) if stored else None
        if known is None or known.root != self._root:
            return None
        return Files({}, known.others, known.edited)

    async def any(self) -> bool:
        """Whether anything was ever stored: not so before format 4 of the journal."""
        return bool(await self._journal.get_setting(f"others/{self._destination}"))

    async def write(self, files: Files) -> None:
        """Store them, when that makes a difference."""
        foreign = Files({}, files.others, files.edited)
        if foreign != await self.read():
            stored = msgspec.json.encode(StoredFiles(self._root, foreign.others, foreign.edited)).decode()
            await self._journal.set_setting(f"others/{self._destination}", stored)

    async def add_adopted(self, paths: Mapping[str, bool], removed: Collection[str]) -> None:
        """Objects have their place in files of people, which we changed (True), or which said all of it."""
        files = await self.read()
        if files is None:
            return  # the whole history will be read
        for path, changed in paths.items():
            if path in removed:
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
        followed = {journal for each in ours for journal in each if not us.knows(journal)} | us.followed
        if followed != await self.followed():
            stored = msgspec.json.encode(sorted(followed)).decode()
            await self._journal.set_setting(f"followed/{self._destination}", stored)

    async def doubts(self) -> set[str]:
        """Why records need not be what is in the branch: `place` or `mode` changed since."""
        return set((await self._journal.get_setting(f"unsure/{self._destination}")).split())

    async def clear_doubts(self) -> None:
        """Records are what is in the branch."""
        if await self.doubts():
            await self._journal.set_setting(f"unsure/{self._destination}", "")
