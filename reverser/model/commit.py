"""What the writer hands to `git/`, and what comes back."""

from __future__ import annotations

import enum

import msgspec

from reverser.model.entry import Edit, Entry


class CommitPlan(msgspec.Struct, frozen=True):
    """The entries that become one commit, in journal order, at least one."""

    entries: tuple[Entry, ...]

    @property
    def first(self) -> Entry:
        return self.entries[0]


class Commit(msgspec.Struct, frozen=True):
    """A commit ready to be written: same commit + same parent = same tree."""

    author: str
    """`Name <email>`, without control characters, as Git stores it."""
    committer: str
    """`Name <email>`."""
    authored_at: float
    """Unix seconds."""
    committed_at: float
    """Unix seconds."""
    message: str
    """The whole message with its trailers."""
    edits: tuple[Edit, ...]
    """Applied in this order; the last edit of a path wins."""
    allow_empty: bool = False
    """Written even if the edits change nothing, since the message tells more than they do."""


class PushOutcome(enum.Enum):
    """What became of a push."""

    PUSHED = "pushed"
    UP_TO_DATE = "up-to-date"
    STALE = "stale"
    """Somebody else moved the branch: fetch and rebuild."""
    REFUSED = "refused"
    """The remote's policy said no (a hook, a protected branch)."""
    DENIED = "denied"
    """The remote does not accept our credentials, or does not know the host key or the repository."""
    UNREACHABLE = "unreachable"
    """No answer, or one that makes no sense: try again."""


class PushResult(msgspec.Struct, frozen=True):
    """A value, never an exception: outcome, and the remote's own words."""

    outcome: PushOutcome
    head: str = ""
    """The commit that the remote branch now points to, where that is known."""
    message: str = ""
    """The remote's words, free of credentials."""
    reason: str = ""
    """Of DENIED: one CamelCase word, such as AuthenticationFailed."""
    hint: str = ""
    """Of DENIED: what a person can do."""

    @property
    def landed(self) -> bool:
        return self.outcome in (PushOutcome.PUSHED, PushOutcome.UP_TO_DATE)
