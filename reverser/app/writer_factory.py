"""Puts one destination's writer together: its queue, its repository, and how it catches up."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeAlias

import msgspec

from reverser.app.assembly import Assembly
from reverser.config.value_formats import parse_duration
from reverser.git.repository import open_repository
from reverser.health import Health
from reverser.metrics import Metrics
from reverser.model.attribution import Correction
from reverser.model.destination import Destination
from reverser.model.journal import Journal
from reverser.model.push import Pushed
from reverser.model.repository import Repository
from reverser.writer.catchup import CatchUp
from reverser.writer.driver import Writer
from reverser.writer.dry_run import ObservingWriter
from reverser.writer.file_owner import Us
from reverser.writer.folder_writer import FolderWriter, Known
from reverser.writer.notes import Notes
from reverser.writer.plugin_files import Companions
from reverser.writer.queue import Queue
from reverser.writer.recovery import Recovery, Resolve


class Target(msgspec.Struct, frozen=True):
    """A folder that takes the place of all repositories."""

    folder: Path
    known: Known
    """What a daemon's journal has on objects of a destination."""


AnyWriter: TypeAlias = Writer | ObservingWriter | FolderWriter
Corrections: TypeAlias = Callable[[str], Awaitable[list[Correction]]]
"""The next corrections for a destination, as soon as there are any."""


class WriterFactory:
    """Opens writers for one session; `to` is a folder that takes the place of all repositories."""

    def __init__(
        self,
        assembly: Assembly,
        journal: Journal,
        metrics: Metrics,
        health: Health,
        resolve: Resolve,
        on_rebuilt: Callable[[], None],
        to: Target | None = None,
        corrections: Corrections | None = None,
    ) -> None:
        self._corrections = corrections
        self._assembly = assembly
        self._journal = journal
        self._metrics = metrics
        self._health = health
        self._resolve = resolve
        self._on_rebuilt = on_rebuilt
        self._to = to

    @asynccontextmanager
    async def writer(self, destination: Destination) -> AsyncIterator[AnyWriter]:
        """A writer whose repository is open for as long as the context lasts."""
        name, journal = destination.name, self._journal
        window, excluded = map(parse_duration, (destination.window, destination.excluded_window))
        queue = Queue(journal, name, window, time.time, excluded)
        if self._to is not None:
            alone = len(self._assembly.destinations) == 1
            to = self._to.folder if alone else self._to.folder / name
            hooks = self._assembly.hooks if self._assembly.hooks.has_companions else None
            yield FolderWriter(destination, to, queue, journal, self._to.known, hooks)
            return
        if destination.mode == "observe":
            works = partial(self._health.recovered, f"destination/{name}")
            yield ObservingWriter(destination, queue, journal, self._assembly.hooks, works)
            return
        folder = Path(self._assembly.config.data_dir) / "repositories" / name
        login, observer = self._assembly.login, self._observer(name)
        async with open_repository(folder, destination, observe=observer, login=login) as repository:
            yield self.over(repository, destination, self._assembly.on_pushed)

    def over(
        self, repository: Repository, destination: Destination, on_pushed: Callable[[Pushed], None] | None
    ) -> Writer:
        """A writer to a repository that is open."""
        name, journal = destination.name, self._journal
        window, excluded = map(parse_duration, (destination.window, destination.excluded_window))
        recovery = Recovery(name, journal, repository, self._resolve)
        us = Us(
            destination.path.strip("/"),
            frozenset(self._assembly.clusters_of(name)),
            journal.knows,
            adopt=destination.adopt,
        )
        return Writer(
            destination,
            Queue(journal, name, window, time.time, excluded),
            CatchUp(destination, journal, repository, recovery, us, self._on_rebuilt),
            journal,
            repository,
            self._metrics,
            self._health,
            self._assembly.hooks,
            time.time,
            on_pushed,
            self._companions(destination, repository),
            self._notes(destination, repository),
        )

    def _companions(self, destination: Destination, repository: Repository) -> Companions | None:
        hooks = self._assembly.hooks
        return Companions(destination, hooks, self._journal, repository) if hooks.has_companions else None

    def _notes(self, destination: Destination, repository: Repository) -> Notes | None:
        if self._corrections is None or not destination.notes:
            return None
        corrections = partial(self._corrections, destination.name)
        return Notes(destination, self._journal.id, repository, corrections, time.time)

    def _observer(self, destination: str) -> Callable[[str, float, bool], None]:
        def observe(operation: str, _seconds: float, ok: bool) -> None:
            result = "ok" if ok else "failed"
            name = "git_operations"
            self._metrics.count(name, destination=destination, operation=operation, result=result)

        return observe
