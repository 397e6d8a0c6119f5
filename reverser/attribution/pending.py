"""Entries that wait for their author: a fact names one, or the deadline comes and what is known decides.

They are in the journal like all others; only their commit waits. Each entry has a deadline of its own, so a
burst of changes waits no longer than one change. After a restart they wait for the whole time again, because
an API server that could not deliver tries again.

`AuditSources` knows which clusters deliver audit events: only there does a change wait for one. A cluster
may be quiet for hours, so time cannot tell whether its audit still works. It counts as silent when many
changes in a row have waited for an audit event that did not come.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable

import msgspec
import trio

from reverser.attribution.fact_index import Facts, JoinKey, keys_of_change, keys_of_fact
from reverser.attribution.resolve import merge_with_saved, resolve_or_wait
from reverser.errors import WithheldError
from reverser.journal.retrying import RetryingJournal
from reverser.model.attribution import Attribution
from reverser.model.entry import Edit, Entry
from reverser.model.fact import Fact
from reverser.unexpected_errors import contained

WAITING_MOST = 20_000
"""Beyond so many that wait, an entry is settled with what is known. Each is a few kilobytes at most."""
OnResolved = Callable[[Entry, Attribution], None]
"""Called for every entry that has waited."""


class PendingEntries:
    """The entries that wait, by the key that joins them to facts."""

    def __init__(
        self, facts: Facts, journal: RetryingJournal, clock: Callable[[], float], on_resolved: OnResolved
    ) -> None:
        self._facts = facts
        self._journal = journal
        self._clock = clock
        self._on_resolved = on_resolved
        self._waiting: dict[int, Entry] = {}
        self._by_key: dict[JoinKey, set[int]] = defaultdict(set)
        self._deadlines: list[tuple[float, int]] = []
        self._resolved: dict[int, Attribution] = {}
        self._before: dict[int, Attribution] = {}
        """seq -> what an earlier process knew, whose admission facts are lost."""
        self._changed = trio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    async def resume(self, seconds: float) -> None:
        """Add the entries that waited when the last process ended, for so many seconds more."""
        until = self._clock() + seconds
        for entry in await self._journal.awaiting_author():
            if entry.seq not in self._waiting and entry.seq not in self._resolved:
                self._before[entry.seq] = entry.attribution
                self._add(entry, until)

    def add(self, entry: Entry) -> None:
        """Add an entry that waits; it has its number from the journal."""
        self._add(entry, entry.waits_until)

    def fact_added(self, fact: Fact) -> None:
        """A fact has come: it may name the author of entries that wait for it."""
        for seq in [seq for key in keys_of_fact(fact) for seq in self._by_key.get(key, ())]:
            self._try(self._waiting[seq], float("inf"))

    async def run(self) -> None:
        """Make attributions durable as they are found."""
        while True:
            self._expire()
            if self._resolved:
                resolved, self._resolved = self._resolved, {}
                await self._journal.set_attributions(resolved)
            else:
                await self._wait_for_change()

    def _add(self, entry: Entry, until: float) -> None:
        if len(self._waiting) >= WAITING_MOST:
            until = float("-inf")
        if entry.subject is None:
            # Nothing can be joined with it, whatever made the journal say that it waits.
            self._resolved[entry.seq] = entry.attribution
            self._changed.set()
            return
        entry = msgspec.structs.replace(entry, edit=Edit(entry.edit.path, None), changes=())
        self._waiting[entry.seq] = entry
        self._by_key[_key(entry)].add(entry.seq)
        heapq.heappush(self._deadlines, (until, entry.seq))
        self._changed.set()
        self._try(entry, until)

    def _try(self, entry: Entry, until: float) -> None:
        try:
            with contained("attribution", entry.key):
                assert entry.subject is not None
                attribution = resolve_or_wait(entry.subject, self._facts, self._clock(), until)
        except WithheldError:
            attribution = entry.attribution
        if attribution is not None:
            self._remove(entry)
            before = self._before.pop(entry.seq, None)
            if before is not None:
                attribution = merge_with_saved(before, attribution)
                # It cannot be weighed again either: nothing later corrects it.
                entry = msgspec.structs.replace(entry, subject=None)
            self._resolved[entry.seq] = attribution
            self._on_resolved(entry, attribution)
            self._changed.set()

    def _remove(self, entry: Entry) -> None:
        del self._waiting[entry.seq]
        same = self._by_key[_key(entry)]
        same.remove(entry.seq)
        if not same:
            del self._by_key[_key(entry)]

    def _expire(self) -> None:
        now = self._clock()
        while self._deadlines and self._deadlines[0][0] <= now:
            _, seq = heapq.heappop(self._deadlines)
            if seq in self._waiting:
                # Whatever the clock says next, which may be set back: nothing would ask again.
                self._try(self._waiting[seq], float("-inf"))

    async def _wait_for_change(self) -> None:
        self._changed = trio.Event()
        seconds = self._deadlines[0][0] - self._clock() if self._deadlines else float("inf")
        with trio.move_on_after(max(0.0, seconds)):
            await self._changed.wait()


def _key(entry: Entry) -> JoinKey:
    assert entry.subject is not None
    return keys_of_change(entry.subject)


MISSED_MOST = 100


class AuditSources:
    """The clusters whose audit events are worth waiting for."""

    def __init__(self) -> None:
        self._missed: dict[str, int] = {}

    def mark_active(self, clusters: Iterable[str]) -> list[str]:
        """Audit facts came from these clusters; returns those that were silent until now."""
        fresh = [cluster for cluster in clusters if not self.is_active(cluster)]
        self._missed |= dict.fromkeys(clusters, 0)
        return fresh

    def missed(self, cluster: str) -> None:
        """A change waited for its audit event, and none came."""
        self._missed[cluster] = self._missed.get(cluster, MISSED_MOST) + 1

    def is_active(self, cluster: str) -> bool:
        """Whether a change there should wait for its audit event."""
        return self._missed.get(cluster, MISSED_MOST) < MISSED_MOST
