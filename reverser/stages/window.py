"""Entries in, commit plans out: which entries become one commit.

A live entry is a commit of its own, unless the destination has a window: then the live entries of
one actor in one cluster gather for so many seconds from the first. Snapshot entries that follow
each other become one commit a cluster; sweep entries likewise, apart from all others.

The order of one object's entries, and of entries that touch one path, is never changed; and plans
come in the journal's order of their first entries. So whatever must wait for an open window
closes that window, and with it every window that was opened before.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator

from reverser.model.change import Origin
from reverser.model.commit import CommitPlan
from reverser.model.entry import Entry


class _Open:
    """A plan that still grows."""

    def __init__(self, opened_at: float) -> None:
        self.opened_at = opened_at
        self.entries: list[Entry] = []


class Window:
    """A machine without clock or I/O: feed it entries, take plans when they are ready."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._windows: dict[Hashable, _Open] = {}
        self._holders: dict[Hashable, _Open] = {}
        """What an open window touches, objects and paths -> the newest window that touches it."""
        self._bulk: dict[Hashable, _Open] = {}
        self._bulk_origin = Origin.LIVE
        self._closed: list[CommitPlan] = []
        self._fed_at = 0.0

    def feed(self, entries: Iterable[Entry], now: float) -> None:
        """Take entries in the journal's order, each once."""
        self._fed_at = now
        self._close_due(now)
        for entry in entries:
            if entry.origin is not self._bulk_origin:
                self._close_bulk()
            if entry.origin is Origin.LIVE:
                self._live(entry, now)
            else:
                self._gather(entry, now)

    def ready(self, now: float) -> list[CommitPlan]:
        """The plans that nothing can be added to any more; each is given once."""
        self._close_bulk()
        self._close_due(now)
        plans, self._closed = self._closed, []
        return plans

    def deadline(self) -> float | None:
        """When `ready` will have something to give, if nothing else is fed; None: never."""
        if self._closed or self._bulk:
            return self._fed_at
        first = next(iter(self._windows.values()), None)
        return None if first is None else first.opened_at + self._seconds

    def flush(self) -> list[CommitPlan]:
        """All plans, also of windows that are still open."""
        return self.ready(float("inf"))

    def _live(self, entry: Entry, now: float) -> None:
        if self._seconds <= 0:
            self._closed.append(CommitPlan((entry,)))
            return
        place = (entry.key.cluster, entry.attribution.actor.name, entry.attribution.named)
        for touched in _touched(entry):
            holder = self._holders.get(touched)
            if holder is not None and holder is not self._windows.get(place):
                self._close_through(holder)
        window = self._windows.setdefault(place, _Open(now))
        window.entries.append(entry)
        self._holders.update(dict.fromkeys(_touched(entry), window))

    def _gather(self, entry: Entry, now: float) -> None:
        if self._windows:
            self._close_through(next(reversed(self._windows.values())))
        self._bulk_origin = entry.origin
        self._bulk.setdefault(entry.key.cluster, _Open(now)).entries.append(entry)

    def _close_bulk(self) -> None:
        self._closed.extend(_plans(self._bulk.values()))
        self._bulk.clear()
        self._bulk_origin = Origin.LIVE

    def _close_due(self, now: float) -> None:
        due = [window for window in self._windows.values() if window.opened_at + self._seconds <= now]
        if due:
            self._close_through(due[-1])

    def _close_through(self, last: _Open) -> None:
        """Close this window and all that were opened before it."""
        while any(window is last for window in self._windows.values()):
            window = self._windows.pop(next(iter(self._windows)))
            for touched in {touched for entry in window.entries for touched in _touched(entry)}:
                if self._holders[touched] is window:
                    del self._holders[touched]
            self._closed.extend(_plans([window]))


def _plans(windows: Iterable[_Open]) -> Iterator[CommitPlan]:
    return (CommitPlan(tuple(window.entries)) for window in windows)


def _touched(entry: Entry) -> tuple[Hashable, ...]:
    paths = (entry.edit.path, entry.previous_path)
    return (entry.key, *(path for path in paths if path))
