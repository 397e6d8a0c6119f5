"""Compares facts that arrive late with the authors that commits already name.

A commit is never changed. When a late fact names another author than the commit does, it becomes a
correction, which the writer adds to the commit as a Git note. The changes of the last minutes are held in
memory only, so nothing is corrected after a restart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import msgspec
import trio

from reverser.attribution.fact_index import Facts, JoinKey, keys_of_change, keys_of_fact
from reverser.attribution.resolve import attribute
from reverser.model.attribution import Attribution, Correction, Evidence
from reverser.model.entry import Entry
from reverser.model.fact import FACT_SECONDS, Fact
from reverser.model.observed_write import ObservedWrite

ENTRIES_MOST = 10_000
SECONDS = FACT_SECONDS / 2
"""Facts that spoke for the author must still be there when they are weighed against a later one."""
SEEN_SECONDS = FACT_SECONDS * 0.75
"""The same, of a change whose entry came late, since a full disk or a failing encryption held it up."""


class _CommitAuthor(msgspec.Struct):
    """What the commit of one entry says."""

    destination: str
    subject: ObservedWrite
    attribution: Attribution
    at: float


class CorrectionFinder:
    """The entries of the last minutes, by what a late fact may be about."""

    def __init__(self, facts: Facts, clock: Callable[[], float]) -> None:
        self._facts = facts
        self._clock = clock
        self._authors: dict[int, _CommitAuthor] = {}
        self._by_key: dict[JoinKey, list[int]] = defaultdict(list)
        self._corrections: dict[str, dict[int, Correction]] = defaultdict(dict)
        self._corrected = trio.Event()

    def remember(self, entry: Entry, attribution: Attribution) -> None:
        """An entry has its final attribution, and its number."""
        if entry.subject is None:
            return
        now = self._clock()
        self._authors[entry.seq] = _CommitAuthor(entry.destination, entry.subject, attribution, now)
        self._by_key[keys_of_change(entry.subject)].append(entry.seq)
        # A fact may have come while the entry was on its way into the journal.
        self._compare(entry.seq)
        while len(self._authors) > ENTRIES_MOST or next(iter(self._authors.values())).at < now - SECONDS:
            self._forget(next(iter(self._authors)))

    def fact_added(self, fact: Fact) -> None:
        """A fact came: it may name another author than the commit does."""
        for seq in [seq for key in keys_of_fact(fact) for seq in self._by_key.get(key, ())]:
            self._compare(seq)

    async def corrections(self, destination: str) -> list[Correction]:
        """The corrections since the last call, at least one; waits for it."""
        while not self._corrections[destination]:
            await self._corrected.wait()
        return [*self._corrections.pop(destination).values()]

    def _compare(self, seq: int) -> None:
        """Compare what the commit says with what is known now."""
        author = self._authors[seq]
        if author.subject.seen_at < self._clock() - SEEN_SECONDS:
            return
        attribution = attribute(author.subject, self._facts)
        if _conclusive(attribution) and _named_actors(attribution) != _named_actors(author.attribution):
            author.attribution = attribution
            self._correct(Correction(author.destination, seq, author.subject.key, attribution))

    def _correct(self, correction: Correction) -> None:
        """Keep a correction until it is asked for; where nobody asks, the oldest go."""
        corrections = self._corrections[correction.destination]
        corrections[correction.seq] = correction
        if len(corrections) > ENTRIES_MOST:
            del corrections[next(iter(corrections))]
        self._corrected.set()
        self._corrected = trio.Event()

    def _forget(self, seq: int) -> None:
        key = keys_of_change(self._authors.pop(seq).subject)
        self._by_key[key].remove(seq)
        if not self._by_key[key]:
            del self._by_key[key]


def _conclusive(attribution: Attribution) -> bool:
    return attribution.named or attribution.evidence is Evidence.AMBIGUOUS


def _named_actors(attribution: Attribution) -> tuple[bool, str, tuple[str, ...]]:
    """What a correction is about: stronger evidence for the same author is none."""
    return attribution.named, attribution.actor.name, attribution.candidates
