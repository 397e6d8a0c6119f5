"""Entries in, commit plans out: which entries become one commit.

A live entry is a commit of its own, unless the destination has a window: then the live entries of one actor
in one cluster gather for so many seconds after the first. Entries of an actor whom others impersonate
gather for each of them. The seconds count from the time in the journal, so that the same entries gather
again after a restart, a failed push, or when somebody else moved the branch. Snapshot entries that follow
each other become one commit a cluster; so do sweep entries, in commits of their own.

The order of one object's entries, and of entries that touch one path, is never changed; and plans come in
the journal's order of their first entries. So an entry that must come after an open window closes it, and
every window that was opened before. Only entries that rules exclude may come late
(`writer.held_entries`): with the commit of their object, or together in one.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator

from reverser.model.change import Origin
from reverser.model.commit import CommitPlan
from reverser.model.entry import Entry
from reverser.select.rules import excluded
from reverser.writer.held_entries import (
    BYTES_MOST,
    ENTRIES_MOST,
    DeferredEntries,
    journaled_at,
    touched,
)


class _Open:
    """A plan that still grows."""

    def __init__(self, closes_at: float) -> None:
        self.closes_at = closes_at
        self.entries: list[Entry] = []


class Window:
    """A machine without clock or I/O: feed it entries, take plans when they are ready."""

    def __init__(self, seconds: float, excluded_seconds: float = 0.0) -> None:
        self._seconds = seconds
        self._deferred = DeferredEntries(excluded_seconds)
        self._windows: dict[Hashable, _Open] = {}
        self._holders: dict[Hashable, _Open] = {}
        """What an open window touches, objects and paths -> the newest window that touches it."""
        self._bulk: dict[Hashable, _Open] = {}
        self._bulk_origin = Origin.LIVE
        self._closed: list[CommitPlan] = []
        self._fed_at = 0.0
        self._count = self._bytes = 0
        """What all open windows hold."""

    def feed(self, entries: Iterable[Entry], now: float) -> None:
        """Take entries in the journal's order, each once."""
        self._fed_at = now
        self._close_due(now)
        for entry in entries:
            if entry.origin is not self._bulk_origin:
                self._close_bulk()
            if entry.origin is not Origin.LIVE:
                self._add_bulk(entry, now)
            elif excluded(entry):
                self._defer(entry, now)
            else:
                self._add_live(entry, now)

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
        due = [window.closes_at for window in self._windows.values()]
        return min((at for at in (*due, self._deferred.due) if at is not None), default=None)

    def flush(self) -> list[CommitPlan]:
        """All plans, also of windows that are still open."""
        return self.ready(float("inf"))

    def _add_live(self, entry: Entry, now: float) -> None:
        due = self._deferred.due
        entries = (*self._deferred.take(entry), entry)
        if self._deferred.blocks(entry):
            self._release()
        if self._seconds <= 0:
            self._closed.append(CommitPlan(entries))
            return
        by = entry.attribution
        group = (entry.key.cluster, by.actor.name, by.impersonator, by.named)
        began = journaled_at(entry, now)
        self._close_windows(began)
        self._close_holders(entries, self._windows.get(group))
        window = self._windows.setdefault(group, _Open(began + self._seconds))
        window.entries.extend(entries)
        if due is not None and len(entries) > 1:
            window.closes_at = min(window.closes_at, due)
        self._holders.update(dict.fromkeys(_touched(entries), window))
        self._count += len(entries)
        self._bytes += sum(entry.edit.size for entry in entries)
        while self._count >= ENTRIES_MOST or self._bytes >= BYTES_MOST:
            self._close_through(next(iter(self._windows.values())))

    def _defer(self, entry: Entry, now: float) -> None:
        self._deferred.hold(entry, now)
        if self._deferred.full:
            self._release()

    def _release(self) -> None:
        """Excluded entries that have waited: one plan a cluster."""
        clusters: dict[Hashable, list[Entry]] = {}
        for entry in self._deferred.release():
            clusters.setdefault(entry.key.cluster, []).append(entry)
        for entries in clusters.values():
            self._close_holders(entries, None)
            self._closed.append(CommitPlan(tuple(entries)))

    def _add_bulk(self, entry: Entry, now: float) -> None:
        self._release()
        if self._windows:
            self._close_through(next(reversed(self._windows.values())))
        self._bulk_origin = entry.origin
        self._bulk.setdefault(entry.key.cluster, _Open(now + self._seconds)).entries.append(entry)

    def _close_bulk(self) -> None:
        self._closed.extend(_plans(self._bulk.values()))
        self._bulk.clear()
        self._bulk_origin = Origin.LIVE

    def _close_windows(self, at: float) -> None:
        """Close those that were over at this time."""
        due = [window for window in self._windows.values() if window.closes_at <= at]
        if due:
            self._close_through(due[-1])

    def _close_due(self, now: float) -> None:
        self._close_windows(now)
        if self._deferred.due is not None and self._deferred.due <= now:
            self._release()

    def _close_holders(self, entries: Iterable[Entry], but: _Open | None) -> None:
        """Close the windows that hold what these entries touch, so that they come before them."""
        for key in _touched(entries):
            holder = self._holders.get(key)
            if holder is not None and holder is not but:
                self._close_through(holder)

    def _close_through(self, last: _Open) -> None:
        """Close this window and all that were opened before it."""
        while any(window is last for window in self._windows.values()):
            window = self._windows.pop(next(iter(self._windows)))
            self._count -= len(window.entries)
            self._bytes -= sum(entry.edit.size for entry in window.entries)
            for key in _touched(window.entries):
                if self._holders[key] is window:
                    del self._holders[key]
            self._closed.extend(_plans([window]))


def _plans(windows: Iterable[_Open]) -> Iterator[CommitPlan]:
    return (CommitPlan(tuple(window.entries)) for window in windows)


def _touched(entries: Iterable[Entry]) -> set[Hashable]:
    return {key for entry in entries for key in touched(entry)}
