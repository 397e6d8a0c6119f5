"""What the writer needs from a Git repository, as a protocol; `git.repository` implements it.

The conformance tests are written against the protocol, so that another implementation can follow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from reverser.model.commit import Commit, PushResult


class Landed(msgspec.Struct, frozen=True):
    """One commit of the remote branch, as far as the writer needs it."""

    commit: str
    """The full object id."""
    entries: tuple[str, ...]
    """Values of its `Reverser-Entry` trailers: `<journal>/<seq>` or `<journal>/<first>-<last>`."""
    paths: tuple[str, ...]
    """Files that it added, changed or removed."""
    cluster: str = ""
    """Value of its `Kubernetes-Cluster` trailer."""
    audits: tuple[str, ...] = ()
    """Values of its `Reverser-Audit` trailers."""
    removed: tuple[str, ...] = ()
    """Those of `paths` that it removed."""
    added: tuple[str, ...] = ()
    """Those of `paths` that were not there before it."""
    versions: tuple[str, ...] = ()
    """Values of its `Reverser-Version` trailers."""


class Repository(Protocol):
    """One bare repository and its remote branch. Only ever adds commits; never forces."""

    async def fetch(self) -> str:
        """Fetch the remote branch; its head, or "" when the branch (or all of it) is missing.

        Raises TransientError (unreachable) or StalledError (denied, host key, not a repository).
        """

    async def landed(self, since: str, head: str) -> list[Landed]:
        """Commits reachable from `head` but not from `since`, oldest first.

        `since` empty, unknown, or no ancestor of `head`: all commits of the branch.
        """

    async def is_ancestor(self, old: str, head: str) -> bool:
        """Whether the branch still contains `old` (False: its history was rewritten).

        Raises TransientError when git could not tell.
        """

    async def write(self, commits: Sequence[Commit], parent: str) -> list[str]:
        """Write the commits on top of `parent` ("" = none); their ids, all objects durable.

        Commits whose edits change nothing are left out, unless they have `allow_empty`; their id is that
        of their parent.
        """

    async def push(self, head: str, parent: str) -> PushResult:
        """Move the remote branch from `parent` ("" = none) to `head`, which descends from it.

        STALE, and nothing is changed, when the branch is anywhere else, at an ancestor of `parent` too.
        """

    async def annotate(self, texts: Mapping[str, str], committer: str, now: float) -> PushResult:
        """Put a note at each of these commits of the branch, and push the notes.

        Raises TransientError or StalledError.
        """

    async def tree(self, commit: str) -> dict[str, tuple[str, str]]:
        """path -> (mode, blob id) of every file of a commit; mode is `100644`, `120000` (symlink), …"""

    async def changed(self, old: str, new: str) -> dict[str, tuple[str, str] | None]:
        """path -> (mode, blob id) in `new` of every file that differs between two commits; None: it is gone.

        Raises TransientError when one of them is not there.
        """

    async def at(self, paths: Sequence[tuple[str, str]]) -> list[str]:
        """The blob id at each (commit, path); "" where the commit has no such file."""

    async def sizes(self, ids: Sequence[str]) -> dict[str, int]:
        """The bytes of each of these blobs. Raises TransientError when one of them is not there."""

    async def blobs(self, ids: Sequence[str]) -> dict[str, bytes]:
        """The contents of blobs. Raises TransientError when one of them is not there."""
