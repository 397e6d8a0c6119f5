"""What landed in a remote branch, for those who want to tell others."""

from __future__ import annotations

import msgspec


class PushedCommit(msgspec.Struct, frozen=True):
    """One commit that the remote branch has now."""

    id: str
    """The full object id."""
    author: str
    """`Name <email>`."""
    authored_at: float
    """Unix seconds."""
    message: str
    """The whole message with its trailers."""
    written: tuple[str, ...]
    """Paths of files that it added or changed."""
    removed: tuple[str, ...]


class Pushed(msgspec.Struct, frozen=True):
    """One push that the remote accepted."""

    destination: str
    """Its name in the configuration."""
    branch: str
    head: str
    """The commit that the branch points to now."""
    commits: tuple[PushedCommit, ...]
    """Oldest first."""
    url: str = ""
    """Of the repository, as the destination's configuration spelt it when it was pushed."""
