"""Lets changes wait for each other, so that several commits leave in one push.

Commit plans come in, in the journal's order; out come all that are here, in the same order, when

- the oldest change has waited for `push_interval`, counted from its time in the journal, so that neither a
  restart nor a failed push begins the wait anew;
- or `push_commits` changes are here, when that is above 0;
- or a snapshot or a sweep is among them, which have waited for their lists already;
- or they take too much memory.

Each plan stays a commit of its own. Without an interval nothing waits. How long the changes of one author
gather for one commit is decided before, by `window`.
"""

from __future__ import annotations

from collections.abc import Iterable

from reverser.model.change import Origin
from reverser.model.commit import CommitPlan
from reverser.writer.held_entries import journaled_at

BYTES_MOST = 16 * 1024 * 1024
ENTRY_BYTES = 4 * 1024
"""About what an entry takes beside its content."""


class PushPacing:
    """A machine without clock or I/O: the plans of one destination that wait for their push."""

    def __init__(self, seconds: float, changes: int) -> None:
        """`seconds`: 0 for no wait; `changes`: so many do not wait any longer, 0 for any number."""
        self._seconds = seconds
        self._changes = changes
        self._plans: list[CommitPlan] = []
        self._due: float | None = None
        self._count = self._bytes = 0

    def feed(self, plans: Iterable[CommitPlan], now: float) -> list[CommitPlan]:
        """Take plans; all that are to be pushed now come back."""
        for plan in plans:
            self._hold(plan, now)
        return self.flush() if self._is_over(now) else []

    def deadline(self) -> float | None:
        """When `feed` will have something to give, if nothing else comes; None: never."""
        return self._due

    def flush(self) -> list[CommitPlan]:
        """Hand out everything."""
        plans, self._plans = self._plans, []
        self._due = None
        self._count = self._bytes = 0
        return plans

    def _hold(self, plan: CommitPlan, now: float) -> None:
        self._plans.append(plan)
        self._count += len(plan.entries)
        self._bytes += sum(entry.edit.size + ENTRY_BYTES for entry in plan.entries)
        waits = plan.first.origin is Origin.LIVE and self._seconds > 0
        began = min(journaled_at(entry, now) for entry in plan.entries)
        due = began + self._seconds if waits else now
        self._due = due if self._due is None else min(self._due, due)

    def _is_over(self, now: float) -> bool:
        enough = 0 < self._changes <= self._count or self._bytes >= BYTES_MOST
        return self._due is not None and (enough or self._due <= now)
