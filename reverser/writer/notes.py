"""Writes Git notes for authors that became known after the commit, and pushes them beside the branch.

A correction may come before its commit has landed, and then waits for it. Notes never hold up commits; when a
remote refuses them, they are pushed again with the next ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

import structlog
import trio

from reverser.errors import StalledError, TransientError
from reverser.model.attribution import Correction
from reverser.model.repository import Repository
from reverser.unexpected_errors import left_out
from reverser.writer.commit_message import note
from reverser.writer.destination_context import DestinationContext

log = structlog.get_logger()

COMMITS_MOST = 10_000
RETRY_SECONDS = 30.0


class Notes:
    """The notes of one destination."""

    def __init__(self, context: DestinationContext, repository: Repository) -> None:
        assert context.corrections is not None
        self._destination = context.destination
        self._journal_id = context.journal.id
        self._repository = repository
        self._corrections = context.corrections
        self._clock = context.clock
        self._commits: dict[int, str] = {}
        """The commit of each entry that landed lately."""
        self._open: dict[int, Correction] = {}
        self._texts: dict[str, dict[int, str]] = defaultdict(dict)
        """What was noted at each commit: a note replaces the one before."""
        self._changed = trio.Event()
        self._refused = False
        """Logged once, until the remote takes notes again."""

    def landed(self, commits: Mapping[int, str]) -> None:
        """Entries, by `seq`, are in the remote branch in these commits."""
        self._commits |= commits
        dropped = {self._commits.pop(seq) for seq in _surplus(self._commits)}
        for commit in dropped and dropped.difference(self._commits.values()):
            self._texts.pop(commit, None)
        self._changed.set()

    async def run(self) -> None:
        """Write notes until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._listen)
            while True:
                await self._changed.wait()
                self._changed = trio.Event()
                await self._write()

    async def _listen(self) -> None:
        while True:
            for correction in await self._corrections():
                self._open[correction.seq] = correction
            for seq in _surplus(self._open):
                del self._open[seq]
            self._changed.set()

    async def _write(self) -> None:
        ready = {seq: each for seq, each in self._open.items() if seq in self._commits}
        if not ready:
            return
        for seq, correction in ready.items():
            with left_out("note", correction.key):
                self._texts[self._commits[seq]][seq] = note(correction, self._journal_id)
        commits = {self._commits[seq] for seq in ready}
        trouble = await self._push({each: "\n".join(self._texts[each].values()) for each in commits})
        if trouble:
            if not self._refused:
                log.warning("Git notes cannot be pushed", destination=self._destination.name, error=trouble)
            self._refused = True
            await trio.sleep(RETRY_SECONDS)
            return
        self._refused = False
        log.info("Git notes with authors pushed", destination=self._destination.name, commits=len(commits))
        for seq, correction in ready.items():
            if self._open.get(seq) is correction:
                del self._open[seq]

    async def _push(self, texts: Mapping[str, str]) -> str:
        """Why it failed; empty when it did not."""
        committer = self._destination.committer
        try:
            result = await self._repository.annotate(texts, committer, self._clock())
        except (TransientError, StalledError) as error:
            return error.message
        return "" if result.landed else result.message or result.outcome.value


def _surplus(rows: Mapping[int, object]) -> list[int]:
    """The oldest, which are too many."""
    return [*rows][: max(0, len(rows) - COMMITS_MOST)]
