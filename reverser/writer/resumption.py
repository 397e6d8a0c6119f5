"""What commits tell a leader that takes over: which version of each object the branch has already.

A leader that takes over without the journal of the one before watches on from a checkpoint. Events between it
and the takeover come once more, and some of their changes are in the branch. With `[leader]` each commit
names the objects of its entries with their versions:

    Reverser-Version: shop/deployments.apps/web@48213
    Reverser-Version: shop/secrets/login@48214 9f0c…      and the fingerprint of what is encrypted in the file

Of the commits since the checkpoint these say what is old. Where one of our commits lacks them, nothing can be
gone on from: the types are listed, and separate versions may become one commit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import msgspec
import structlog

from reverser.model.entry import Append, Entry, Record, Sealed
from reverser.model.journal import LANDED, RESUME, SealedFile, object_text
from reverser.model.repository import Landed, Repository
from reverser.model.resource import ObjectKey, number
from reverser.writer.destination_context import DestinationContext
from reverser.writer.file_owner import DaemonIdentity, Owner, inside, maker
from reverser.writer.stored_owners import StoredOwners

log = structlog.get_logger()

NAMED_MOST = 1000
"""A commit of more objects names no versions."""
READ_MOST = 50_000
"""Of more versions since the checkpoint none is used."""
_VERSION = re.compile(r"(?P<object>\S+)@(?P<version>\d{1,20})(?: (?P<sealed>[0-9a-f]{32}))?", re.ASCII)


class ResumeFrom(msgspec.Struct, frozen=True):
    """What a checkpoint tells of one destination."""

    head: str
    """Every commit with a change behind the checkpoint comes after this one; empty: the branch was empty."""
    sealed: dict[str, SealedFile] = {}
    """By path: what tells that the file is an encrypted document."""


def versions(entries: Sequence[Entry]) -> list[str]:
    """Values of the trailers of a commit with these entries; none where one entry has no number."""
    values: dict[str, str] = {}
    for entry in entries:
        if number(entry.version) is None or len(values) > NAMED_MOST:
            return []
        values[str(entry.key)] = f"{entry.key}@{entry.version} {entry.sealed}".rstrip()
    return [*values.values()]


class LandedVersions:
    """What the commits since a checkpoint, oldest first, tell."""

    def __init__(self, commits: Iterable[Landed], us: DaemonIdentity) -> None:
        self.newest: dict[str, int] = {}
        """`object_text` -> the version that the branch has."""
        self.complete = True
        """Whether every commit of ours named the versions of its objects."""
        self._fingerprints: dict[str, dict[str, str]] = {}
        self._wrote: dict[str, str] = {}
        for commit in commits:
            self._wrote |= dict.fromkeys(commit.paths, commit.commit)
            concerns = not commit.paths or any(inside(path, us.root) for path in commit.paths)
            if concerns and maker(commit, us) is Owner.OURS:
                self._add(commit)
        self.complete = self.complete and len(self.newest) <= READ_MOST

    def _add(self, commit: Landed) -> None:
        matches = [_VERSION.fullmatch(value) for value in commit.versions]
        if not matches or None in matches:
            self.complete = False
        for match in filter(None, matches):
            text = f"{commit.cluster} {match['object']}"
            self.newest[text] = max(self.newest.get(text, 0), int(match["version"]))
            if match["sealed"]:
                self._fingerprints.setdefault(commit.commit, {})[text] = match["sealed"]

    def fingerprint(self, key: ObjectKey, path: str) -> str | None:
        """Of the document that the last commit has encrypted in the file; None: no commit wrote the file."""
        if path not in self._wrote:
            return None
        return self._fingerprints.get(self._wrote[path], {}).get(object_text(key), "")


class Resumed(msgspec.Struct, frozen=True):
    """How one destination goes on from a checkpoint."""

    start: ResumeFrom
    landed: LandedVersions


def recognized(record: Record, resumed: Resumed | None) -> Record:
    """A record as it was read from the branch, with what is known of an encrypted file."""
    if record.sealed is None:
        return record
    fingerprint = None if resumed is None else _fingerprint(record, resumed)
    sealed = Sealed(bytes.fromhex(fingerprint), record.sealed.content) if fingerprint else None
    return msgspec.structs.replace(record, sealed=sealed)


def _fingerprint(record: Record, resumed: Resumed) -> str | None:
    committed = resumed.landed.fingerprint(record.key, record.path)
    if committed is not None:
        return committed
    known = resumed.start.sealed.get(record.path)
    return known.fingerprint if known is not None and known.digest == record.digest.hex() else None


class Resumption:
    """Takes one destination on from a checkpoint, once, where the journal has one for it."""

    def __init__(self, context: DestinationContext, repository: Repository, owners: StoredOwners) -> None:
        self._name = context.name
        self._journal = context.journal
        self._repository = repository
        self._us = context.identity
        self._owners = owners

    async def begin(self, head: str, *, possible: bool) -> Resumed | None:
        """How streams go on; None where they do not, and list. `possible`: nothing is known of the branch."""
        stored = await self._journal.get_setting(f"{RESUME}{self._name}")
        if not stored:
            return None
        start = msgspec.json.decode(stored, type=ResumeFrom)
        if possible and await self._goes_on(start.head, head):
            us = msgspec.structs.replace(self._us, followed=await self._owners.followed())
            commits = await self._repository.landed(start.head, head) if head not in ("", start.head) else []
            landed = LandedVersions(commits, us)
            if landed.complete:
                return Resumed(start, landed)
        log.info("branch tells too little to go on from a checkpoint, types list", destination=self._name)
        await self._journal.append(Append(settings={f"{RESUME}{self._name}": ""}, relist=True))
        return None

    async def _goes_on(self, start: str, head: str) -> bool:
        return not start or (bool(head) and await self._repository.is_ancestor(start, head))

    async def done(self, resumed: Resumed | None) -> bool:
        """Store what the branch has; False where streams list, since nobody has waited for us."""
        waiting = f"{RESUME}{self._name}"
        if resumed is None or not await self._journal.get_setting(waiting):
            return False
        newest = msgspec.json.encode(resumed.landed.newest).decode()
        await self._journal.append(Append(settings={f"{LANDED}{self._name}": newest, waiting: ""}))
        log.info("going on from a checkpoint", destination=self._name, versions=len(resumed.landed.newest))
        return True
