"""What happened, as plain data: the same for every format. Pure.

A push of many commits, and a commit of many files, are told by number beyond a bound.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from reverser.model.condition import Condition
from reverser.model.push import Pushed, PushedCommit

COMMITS_MOST = 100
PATHS_MOST = 100
AUTHORS_MOST = 3

FIELDS = {
    "pushed": frozenset({"destination", "branch", "head", "short", "count", "commits", "authors", "subject"}),
    "condition": frozenset({"type", "about", "status", "reason", "message"}),
}
"""Kind -> what its templates may name."""


class Event(msgspec.Struct, frozen=True):
    """One push or one condition."""

    kind: str
    """`pushed` or `condition`."""
    id: str
    """Unique together with the source; of a push the same when it is told again."""
    time: str
    """RFC 3339."""
    subject: str
    """The destination, or what the condition is about."""
    data: dict[str, Any]
    fields: dict[str, str]
    """What templates may name."""


def of_push(push: Pushed, now: float) -> Event:
    """`now` is Unix seconds."""
    data = {
        "destination": push.destination,
        "branch": push.branch,
        "head": push.head,
        "commit_count": len(push.commits),
        "commits": [_commit(commit) for commit in push.commits[-COMMITS_MOST:]],
    }
    return Event(
        "pushed", f"{push.destination}/{push.head}", _time(now), push.destination, data, _push_fields(push)
    )


def of_condition(condition: Condition, now: float, number: int) -> Event:
    """`number` tells conditions of one moment apart."""
    data = msgspec.to_builtins(condition)
    fields = {
        "type": condition.type,
        "about": condition.subject,
        "status": str(condition.status),
        "reason": condition.reason,
        "message": condition.message,
    }
    event_id = f"{condition.subject}/{condition.type}/{now:.6f}/{number}"
    return Event("condition", event_id, _time(now), condition.subject, data, fields)


def _push_fields(push: Pushed) -> dict[str, str]:
    count = len(push.commits)
    authors = list(dict.fromkeys(commit.author.partition(" <")[0] for commit in push.commits))
    more = f" and {len(authors) - AUTHORS_MOST} more" if len(authors) > AUTHORS_MOST else ""
    return {
        "destination": push.destination,
        "branch": push.branch,
        "head": push.head,
        "short": push.head[:12],
        "count": str(count),
        "commits": "1 commit" if count == 1 else f"{count} commits",
        "authors": ", ".join(authors[:AUTHORS_MOST]) + more,
        "subject": push.commits[-1].message.partition("\n")[0] if push.commits else "",
    }


def _commit(commit: PushedCommit) -> dict[str, Any]:
    return {
        "id": commit.id,
        "author": commit.author,
        "authored_at": _time(commit.authored_at),
        "message": commit.message,
        "written_count": len(commit.written),
        "written": list(commit.written[:PATHS_MOST]),
        "removed_count": len(commit.removed),
        "removed": list(commit.removed[:PATHS_MOST]),
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")
